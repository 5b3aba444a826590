"""peers.py - imrnn beside the authors' package and other runtimes, in one run.

    ./dev bench-peers MODEL DATASET [CACHE]

MODEL    a sentence-transformers folder with weights, such as all-MiniLM-L6-v2
DATASET  a BEIR folder with the splits train and test, such as scifact
CACHE    an imrnn cache of the two; made when it is not there

Run by the python of a venv that has imrnns, torch, sentence-transformers, onnxruntime and openvino
(./dev bench-peers makes it). Says how long each takes to encode the first 384 documents at 256
tokens, loading included; how long an epoch of imrnns' training recipe takes; and whether each opens
what the other writes and measures the same. Exits 1 where numbers differ.
"""
import json, os, shutil, subprocess, sys, tempfile, time
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE='1', TOKENIZERS_PARALLELISM='false', TQDM_DISABLE='1')
import warnings
import numpy as np

warnings.simplefilter("ignore")

IMRNN, MODEL, DATASET = (os.path.abspath(p) for p in sys.argv[1:4])
WORK = Path(tempfile.mkdtemp(prefix='imrnn-peers-'))
CACHE = os.path.abspath(sys.argv[4]) if len(sys.argv) > 4 else str(WORK / 'cache')
THREADS, DOCUMENTS, BATCH = os.cpu_count(), 384, 32
DIM = json.loads(Path(MODEL, 'config.json').read_text())['hidden_size']
different = 0


def imrnn(*args):
    at = time.monotonic()
    out = subprocess.run([IMRNN, *map(str, args), '-q'], check=True, stdout=subprocess.PIPE, text=True)
    return out.stdout, time.monotonic() - at


def row(what, *cells):
    print(f'  {what:46}' + ''.join(f'{c:>16}' for c in cells), flush=True)


def same(what, ours, theirs, tolerance=1e-5):
    global different
    ok = abs(ours - theirs) <= tolerance
    different += not ok
    row(what, f'{ours:.6f}', f'{theirs:.6f}', 'same' if ok else 'DIFFERENT')


# ---- encoding ----

def documents():
    texts = []
    with open(f'{DATASET}/corpus.jsonl', encoding='utf-8') as lines:
        for line in lines:
            d = json.loads(line)
            title, text = (d.get('title') or '').strip(), (d.get('text') or '').strip()
            texts.append(f'{title}\n{text}' if title else text)
            if len(texts) == DOCUMENTS:
                break
    return texts


def with_imrnn(texts, precision):
    source, out = WORK / 'texts.json', WORK / f'{precision}.npy'
    source.write_text(json.dumps(texts), encoding='utf-8')
    _, seconds = imrnn('encoder', 'encode', '--encoder', MODEL, '-i', source, '--overwrite', '-o', out, '--precision', precision)
    return np.load(out), seconds


def with_sentence_transformers(texts):
    from sentence_transformers import SentenceTransformer
    at = time.monotonic()
    model = SentenceTransformer(MODEL, device='cpu')
    vectors = model.encode(texts, batch_size=BATCH, show_progress_bar=False)
    return vectors, time.monotonic() - at


def export_onnx(path):
    """Token ids to unit mean vectors, as the modules of the folder say."""
    import torch
    from transformers import AutoModel

    class Sentence(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = AutoModel.from_pretrained(MODEL, attn_implementation='eager')

        def forward(self, ids, mask):
            rows = self.model(input_ids=ids, attention_mask=mask, token_type_ids=torch.zeros_like(ids))[0]
            weight = mask.unsqueeze(-1).to(rows.dtype)
            return torch.nn.functional.normalize((rows * weight).sum(1) / weight.sum(1), dim=1)

    example = (torch.ones(2, 8, dtype=torch.long), torch.ones(2, 8, dtype=torch.long))
    axes = {0: 'texts', 1: 'tokens'}
    torch.onnx.export(Sentence().eval(), example, str(path), input_names=['ids', 'mask'], output_names=['vectors'],
                      dynamic_axes={'ids': axes, 'mask': axes, 'vectors': {0: 'texts'}}, dynamo=False)


def batches(texts):
    """Sorted by length, which is the best for runtimes that pad."""
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(f'{MODEL}/tokenizer.json')
    tokenizer.enable_truncation(256)
    tokenizer.no_padding()
    ids = [e.ids for e in tokenizer.encode_batch(texts)]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    for at in range(0, len(order), BATCH):
        some = order[at:at + BATCH]
        longest = max(len(ids[i]) for i in some)
        block, mask = np.zeros((2, len(some), longest), np.int64)
        for r, i in enumerate(some):
            block[r, :len(ids[i])] = ids[i]
            mask[r, :len(ids[i])] = 1
        yield some, block, mask


def with_runtime(texts, open_model):
    at = time.monotonic()
    run = open_model()
    out = np.zeros((len(texts), DIM), np.float32)
    for some, ids, mask in batches(texts):
        out[some] = run(ids, mask)
    return out, time.monotonic() - at


def open_onnxruntime(path):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
    return lambda ids, mask: session.run(None, {'ids': ids, 'mask': mask})[0]


def open_openvino(path, precision):
    import openvino
    core = openvino.Core()
    model = core.compile_model(core.read_model(str(path)), 'CPU', {
        'PERFORMANCE_HINT': 'THROUGHPUT' if precision == 'any' else 'LATENCY',
        'INFERENCE_NUM_THREADS': THREADS, 'INFERENCE_PRECISION_HINT': precision})
    return lambda ids, mask: model({'ids': ids, 'mask': mask})[0]


def encode():
    global different
    texts = documents()
    onnx = WORK / 'model.onnx'
    export_onnx(onnx)
    print(f'\nencoding the first {len(texts)} documents at 256 tokens, loading included, {THREADS} threads')
    row('', 'seconds', 'against imrnn', 'worst cosine')
    mine, base = with_imrnn(texts, 'float32')
    row('imrnn', f'{base:.1f}', '1.00', '')
    for name, run in (('sentence-transformers', lambda: with_sentence_transformers(texts)),
                      ('ONNX Runtime', lambda: with_runtime(texts, lambda: open_onnxruntime(onnx))),
                      ('OpenVINO', lambda: with_runtime(texts, lambda: open_openvino(onnx, 'f32'))),
                      ('imrnn, bf16', lambda: with_imrnn(texts, 'bf16')),
                      ('OpenVINO, bf16', lambda: with_runtime(texts, lambda: open_openvino(onnx, 'bf16')))):
        try:
            vectors, seconds = run()
        except Exception as e:  # a runtime that is not there or does not run here
            row(name, type(e).__name__)
            continue
        row(name, f'{seconds:.1f}', f'{seconds / base:.2f}', f'{(mine * vectors).sum(1).min():.6f}')
        if name == 'sentence-transformers':
            worst = float(np.abs(mine - vectors).max())
            different += worst > 1e-5
            row('  largest difference of a number', f'{worst:.1e}')


# ---- training and files ----

def measured(adapter, cache=None, dataset=DATASET):
    out, _ = imrnn('evaluate', cache or CACHE, '--dataset', dataset, '--checkpoint', adapter, '--format', 'json')
    return json.loads(out)['rankings']['after']


def theirs_of(imrnns, cache, adapter, dataset):
    manifest = json.loads((Path(cache) / 'manifest.json').read_text())
    return imrnns.evaluate(encoder=None, dataset=Path(dataset).name, cache_dir=Path(cache),
                           datasets_dir=Path(dataset).parent, checkpoint_path=Path(adapter),
                           encoder_model_name=manifest['model_name'], embedding_dim=DIM)


def compare(what, ours, theirs):
    names = {'nDCG(exp)@10': 'NDCG@10', 'RR@10': 'MRR@10', 'Recall@10': 'Recall@10'}
    for key, name in names.items():
        same(f'{what}, {key}', ours[key], theirs['metrics'][name])


def train():
    from imrnns import api
    if not Path(CACHE, 'manifest.json').exists():
        imrnn('cache', '--dataset', DATASET, '--encoder', MODEL, '--cache-dir', CACHE)
    exported = WORK / 'exported'
    imrnn('cache', '--cache-dir', CACHE, '--dataset', DATASET, '--export', 'imrnns', exported)
    manifest = json.loads((exported / 'manifest.json').read_text())
    args = dict(encoder=None, dataset=Path(DATASET).name, cache_dir=exported, datasets_dir=Path(DATASET).parent,
                output_dir=WORK, encoder_model_name=manifest['model_name'], embedding_dim=DIM, patience=0)

    def ours(epochs):
        return imrnn('train', '--recipe', 'imrnns-0.2', CACHE, '--overwrite', '--dataset', DATASET, '--output-dir', WORK / 'ours',
                     '--epochs', epochs, '--patience', epochs)[1]

    def theirs(epochs):
        at = time.monotonic()
        made = api.train(epochs=epochs, **args)
        return made, time.monotonic() - at

    print('\nan epoch of the recipe of imrnns, validation included: (four epochs - one epoch) / 3')
    row('', 'imrnn', 'imrnns', 'times as fast')
    a = (ours(4) - ours(1)) / 3
    first = theirs(1)[1]
    made, last = theirs(4)
    b = (last - first) / 3
    row('seconds', f'{a:.2f}', f'{b:.2f}', f'{b / a:.2f}')

    print('\nfiles of each in the other')
    row('', 'imrnn', 'imrnns', '')
    ours(4)
    for what, adapter in (('an adapter of ours', WORK / 'ours' / 'adapter.pt'),
                          ('an adapter of theirs', made['checkpoint'])):
        compare(what, measured(adapter), theirs_of(api, exported, adapter, DATASET))
    small = subset()
    theirs_cache = WORK / 'theirs-cache'
    api.cache_embeddings(encoder=None, dataset='small', cache_dir=theirs_cache, datasets_dir=WORK,
                         encoder_model_name=MODEL, embedding_dim=DIM, num_negatives=20, negative_pool=30)
    compare('a cache of theirs', measured(made['checkpoint'], theirs_cache, small),
            theirs_of(api, theirs_cache, made['checkpoint'], small))


def subset():
    """The first documents, and the queries judged on them."""
    small = WORK / 'small'
    (small / 'qrels').mkdir(parents=True)
    lines = open(f'{DATASET}/corpus.jsonl', encoding='utf-8').read().splitlines()[:DOCUMENTS]
    (small / 'corpus.jsonl').write_text('\n'.join(lines) + '\n', encoding='utf-8')
    kept = {json.loads(line)['_id'] for line in lines}
    shutil.copy(f'{DATASET}/queries.jsonl', small)
    for split in ('train', 'test'):
        rows = open(f'{DATASET}/qrels/{split}.tsv', encoding='utf-8').read().splitlines()
        some = [r for r in rows[1:] if r.split('\t')[1] in kept]
        (small / 'qrels' / f'{split}.tsv').write_text('\n'.join([rows[0], *some]) + '\n', encoding='utf-8')
    return small


try:
    encode()
    train()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
sys.exit(different != 0)

"""attack.py - what strangers' files may try, tried.

    ./dev attack [SECTION...]

Each section makes hostile inputs out of a small honest collection and says how many it tried and
how many got through. Something got through when the program crashed or hung, took memory out of
proportion (64 MiB + 64 times the input, above what it takes for honest input), wrote outside the
folder in use, sent an escape to the terminal, or left the terminal as it should not be.
"""
import fcntl, json, math, os, pickle, pty, select, shutil, signal, socket, struct, subprocess, sys, tempfile, termios, time
import zipfile
from pathlib import Path

IMRNN = os.path.abspath(sys.argv[1])
W = Path(tempfile.mkdtemp(prefix='imrnn-attack-'))
SEED = W / 'seed'
ENV = {'PATH': os.environ['PATH'], 'HOME': str(W / 'home'), 'LC_ALL': 'C.UTF-8', 'TERM': 'xterm-256color',
       'OMP_WAIT_POLICY': 'passive'}
MB = 1 << 20
HONEST = 100 * MB  # what the program takes for the seed, with OpenBLAS's own
tried = failed = 0


def measured(args, cwd, seconds):
    """(status, peak memory, output, errors) of imrnn; status None: it hung."""
    p = subprocess.Popen([IMRNN, *args], cwd=cwd, env=ENV, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    chunks = {p.stdout: b'', p.stderr: b''}
    end, left = time.monotonic() + seconds, [p.stdout, p.stderr]
    while left and time.monotonic() < end:
        for f in select.select(left, [], [], max(0, end - time.monotonic()))[0]:
            data = os.read(f.fileno(), 65536)
            chunks[f] = (chunks[f] + data)[:MB]
            if not data:
                left.remove(f)
    hung = bool(left)
    if hung:
        p.kill()
    _, status, used = os.wait4(p.pid, 0)
    p.returncode = 0
    code = None if hung else -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return code, used.ru_maxrss * 1024, chunks[p.stdout], chunks[p.stderr]


def starter():
    """A small process that starts imrnn: the peak of a process begins at what its parent had."""
    (take, asked), (answers, give) = os.pipe(), os.pipe()
    if os.fork() == 0:
        os.close(asked)
        with open(take, 'rb') as orders, open(give, 'wb') as out:
            while True:
                try:
                    order = pickle.load(orders)
                except EOFError:
                    os._exit(0)
                pickle.dump(measured(*order), out)
                out.flush()
    os.close(take)
    os.close(give)
    return open(asked, 'wb'), open(answers, 'rb')


ORDERS, ANSWERS = starter()


def run(args, cwd, seconds=10):
    pickle.dump(([str(a) for a in args], str(cwd), seconds), ORDERS)
    ORDERS.flush()
    return pickle.load(ANSWERS)


def verdict(what, ok, detail=''):
    global tried, failed
    tried += 1
    failed += not ok
    if not ok:
        print(f'    got through: {what}  {detail}', flush=True)


def check(what, args, cwd, size=0, statuses=(0, 1, 2, 3), seconds=10, tell=False):
    code, memory, out, err = run(args, cwd, seconds)
    most = HONEST + 64 * MB + 64 * size
    if tell:
        print(f'    {what:60}{size / MB:8.2f} MB takes{memory // MB:6} of {most // MB:6} MB, status {code}', flush=True)
    verdict(what, code in statuses and memory <= most,
            f'status {code}, {memory // MB} MB of {most // MB}, {(err or out)[-120:]!r}')
    return code, out, err


def fresh():
    """A new copy of the seed with paths of its own."""
    d = W / 'try'
    shutil.rmtree(d, ignore_errors=True)
    shutil.copytree(SEED, d, symlinks=True)
    for manifest in d.glob('cache/manifest.json'):
        manifest.write_text(manifest.read_text().replace(str(SEED), str(d)))
    shutil.rmtree(ENV['HOME'], ignore_errors=True)
    (W / 'home' / '.config' / 'imrnn').mkdir(parents=True)
    return d


def make_seed():
    code, _, out, err = run(['demo', '--prepare', '--output-dir', SEED], W, 300)
    if code != 0:
        sys.exit(f'the seed cannot be made: {err.decode()}')
    for name in ('history.json', 'numbers.txt'):
        (SEED / name).unlink(missing_ok=True)
    run(['evaluate', 'cache', '--checkpoint', 'adapter.pt', '--write-runs', 'runs'], SEED, 60)
    run(['explain', 'cache', '--checkpoint', 'adapter.pt', '--query-id', QUERY, '--format', 'json', '-o', 'report.json'],
        SEED, 60)
    (SEED / 'texts.txt').write_text('java coffee\nthe volcano\n')
    with zipfile.ZipFile(SEED / 'dataset.zip', 'w', zipfile.ZIP_DEFLATED) as z:
        for path in sorted((SEED / 'dataset').rglob('*')):
            z.write(path, Path('demo') / path.relative_to(SEED / 'dataset'))


QUERY = 'q1675'
EXPLAIN = ['explain', 'cache', '--checkpoint', 'adapter.pt', '--query-id', QUERY, '--feedback-k', 5, '--encoder', 'encoder',
           '--dataset', 'dataset']

# ---- special files ----

READ = {
    '.imrnn': ['inspect', 'adapter.pt'],
    '../home/.config/imrnn/config': ['inspect', 'adapter.pt'],
    'adapter.pt': ['inspect', 'adapter.pt'],
    'adapter.safetensors': ['inspect', 'adapter.safetensors'],
    'report.json': ['inspect', 'report.json'],
    'texts.txt': ['encoder', 'encode', '--encoder', 'encoder', '-i', 'texts.txt', '-o', 'v.npy'],
    'docs.jsonl': ['score', '--encoder', 'encoder', '--query', 'java', '--documents', 'docs.jsonl'],
    'dataset.zip': ['cache', '--dataset', 'dataset.zip', '--encoder', 'encoder', '--cache-dir', 'c2'],
    'runs/after.run': ['evaluate', '--run', 'runs/after.run', '--qrels', 'dataset/qrels/test.tsv'],
    'dataset/qrels/test.tsv': ['evaluate', '--run', 'runs/after.run', '--qrels', 'dataset/qrels/test.tsv'],
    'dataset/corpus.jsonl': ['cache', '--dataset', 'dataset', '--encoder', 'encoder', '--cache-dir', 'c2'],
    'dataset/queries.jsonl': ['cache', '--dataset', 'dataset', '--encoder', 'encoder', '--cache-dir', 'c2'],
    'dataset/qrels/train.tsv': ['train', 'cache', '--dataset', 'dataset', '--epochs', 1, '--recipe', 'imrnns-0.1',
                                '--output-dir', 'o'],
    **{f'encoder/{f}': ['encoder', 'encode', '--encoder', 'encoder', 'a']
       for f in ('model.safetensors', 'tokenizer.json', 'config.json', 'modules.json')},
    **{f'cache/{f}': EXPLAIN for f in ('manifest.json', 'documents.npy', 'queries.npy', 'document_ids',
                                       'document_ids.index', 'offsets', 'query_ids', 'texts', 'lock', 'tokens/lens')},
}


def put(kind, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if kind == 'pipe':
        os.mkfifo(path)
    elif kind == 'folder':
        path.mkdir()
    elif kind == 'socket':
        s, here = socket.socket(socket.AF_UNIX), os.getcwd()
        os.chdir(path.parent)
        s.bind(path.name)
        os.chdir(here)
    elif kind == 'empty':
        path.write_bytes(b'')
    elif kind == 'noise':
        path.write_bytes(bytes(range(256)) * 64)
    elif kind == 'unreadable':
        path.write_bytes(b'x')
        path.chmod(0)
    else:
        path.symlink_to({'zeros': '/dev/zero', 'random': '/dev/urandom', 'null': '/dev/null', 'terminal': '/dev/ptmx',
                         'loop': path.name, 'nothing': 'nowhere', 'itself': '.'}[kind])


def files():
    for kind in ('pipe', 'folder', 'socket', 'zeros', 'random', 'null', 'terminal', 'loop', 'nothing', 'itself', 'empty',
                 'noise', 'unreadable'):
        for name, args in READ.items():
            d = fresh()
            put(kind, d / name)
            check(f'{kind} in place of {name}', args, d)


# ---- links that lead out ----

def links():
    precious = W / 'home' / 'thesis.txt'
    folder = W / 'home' / 'documents'

    def untouched():
        return precious.read_text() == 'the only copy' and not list(folder.iterdir())

    for name in ('tokens', 'projected', 'unpacked', 'update'):
        d = fresh()
        precious.write_text('the only copy')
        folder.mkdir(exist_ok=True)
        shutil.rmtree(d / 'cache' / name, ignore_errors=True)
        (d / 'cache' / name).symlink_to(folder)
        for args in (EXPLAIN, [*EXPLAIN, '--token-table', 'encoded'], [*EXPLAIN, '--token-table', 'context'],
                     ['cache', '--cache-dir', 'cache', '-q'],
                     ['cache', '--cache-dir', 'cache', '--remove-derived']):
            run(args, d, 60)
        verdict(f'cache/{name} is a link to a folder', untouched(), str(list(folder.iterdir())))
    sums = subprocess.run(['sha256sum', SEED / 'adapter.pt'], stdout=subprocess.PIPE, text=True).stdout[:64]
    for name in (f'projected/{sums}.partial', f'projected/{sums}.npy', 'lock', 'journal', 'offsets', 'document_ids.index',
                 'tokens/lens', 'manifest.json.tmp'):
        d = fresh()
        precious.write_text('the only copy')
        folder.mkdir(exist_ok=True)
        path = d / 'cache' / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(precious)
        for args in (EXPLAIN, [*EXPLAIN, '--projected-files'], ['cache', '--cache-dir', 'cache', '-q'],
                     ['cache', '--cache-dir', 'cache', '--remove-derived']):
            run(args, d, 60)
        verdict(f'cache/{name} is a link to a file', untouched(), precious.read_text()[:60])


# ---- bombs ----

def pickled(text):
    b = text.encode()
    return b'X' + struct.pack('<I', len(b)) + b


def number(n):
    return b'J' + struct.pack('<i', n)


def several(items):
    return b'(' + b''.join(items) + b't'


def storage(key, elements):
    return several([pickled('storage'), b'ctorch\nFloatStorage\n', pickled(key), pickled('cpu'), number(elements)]) + b'Q'


def tensor(shape, strides, elements=1, at=0, key='0'):
    return b'ctorch._utils\n_rebuild_tensor_v2\n' + several(
        [storage(key, elements), number(at), several(map(number, shape)), several(map(number, strides)), b'\x89',
         b'ccollections\nOrderedDict\n)R']) + b'R'


def torch_save(path, body, storages):
    with zipfile.ZipFile(path, 'w') as z:
        z.writestr('a/data.pkl', b'\x80\x02' + body + b'.')
        for key, data in storages.items():
            z.writestr(f'a/data/{key}', data)
        z.writestr('a/version', '3\n')


def numbers(n):
    return struct.pack(f'<{n}f', *((i * 7919 % 1013 / 1013 - 0.5) / 16 for i in range(n)))


def adapter_file(path, tensors, honest=False):
    """A .pt whose tensors all repeat the one number of one storage; honest: have their own."""
    storages, state = {'0': numbers(1)}, b'}('
    for i, (name, shape) in enumerate(tensors):
        n = math.prod(shape)
        if honest:
            storages[str(i)] = numbers(n)
            strides = [math.prod(shape[d + 1:]) for d in range(len(shape))]
            state += pickled(name) + tensor(shape, strides, n, 0, str(i))
        else:
            state += pickled(name) + tensor(shape, [0] * len(shape))
    torch_save(path, b'}(' + pickled('model_state') + state + b'u' + pickled('metadata') + b'}u', storages)


def vectors_file(path, prefix, n, dim, shared):
    """The dict id -> vector of a reference cache. shared 'one': each is the same tensor; 'view':
    each begins a number further in one storage; 'zero': each repeats one number; '': honest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    elements = {'one': dim, 'view': dim + n, 'zero': 1, '': n * dim}[shared]
    items = []
    for i in range(n):
        at = {'view': i, '': i * dim}.get(shared, 0)
        value = tensor((dim,), (0 if shared == 'zero' else 1,), elements, at) + b'q\x07'
        items.append(pickled(f'{prefix}{i}') + (value if i == 0 or shared in ('view', '') else b'h\x07'))
    torch_save(path, b'}(' + b''.join(items) + b'u', {'0': (numbers(4096) * (elements // 4096 + 1))[:4 * elements]})


def adapter_tensors(n, m, h):
    def net(p):
        return [(f'{p}.hypernet.0.weight', (h, m)), (f'{p}.hypernet.0.bias', (h,)), (f'{p}.hypernet.3.weight', (h // 2, h)),
                (f'{p}.hypernet.3.bias', (h // 2,)), (f'{p}.hypernet.6.weight', (2 * m, h // 2)),
                (f'{p}.hypernet.6.bias', (2 * m,))]
    norms = [(f'{p}_norm.{w}', (m,)) for p in ('query', 'doc') for w in ('weight', 'bias')]
    return [('projector.weight', (m, n)), ('projector.bias', (m,)), *net('query_hypernet'), *net('doc_hypernet'), *norms]


def weigh(*paths):
    return sum(f.stat().st_size for p in paths for f in ([p] if p.is_file() else p.rglob('*')) if f.is_file())


def bomb(what, args, d, *paths, opens=False, seconds=60):
    """paths: the files of the bomb. opens: the bomb is none, and must be read."""
    return check(('must open: ' if opens else '') + what, args, d, weigh(*paths), (0,) if opens else (0, 1, 2, 3), seconds, True)


def written(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def adapter_bombs(d):
    path = d / 'bomb.pt'
    for shape in ((30000, 30000, 128), (4096, 4096, 128), (8, 8, 65536), (8, 65536, 65536)):
        adapter_file(path, adapter_tensors(*shape))
        bomb(f'an adapter of {shape} out of one number', ['inspect', path], d, path)
    wide = d / 'wide'
    vectors_file(wide / 'test' / 'embeddings.pt', 'd', 5, 65536, '')
    vectors_file(wide / 'test' / 'query_embeddings_x.pt', 'q', 1, 65536, '')
    bomb('a cache of 65,536 dimensions, explained', ['explain', 'wide', '--query-id', 'q0'], d, wide)
    adapter_file(path, adapter_tensors(65536, 2, 2), honest=True)
    for args in (['inspect', path], ['explain', 'wide', '--query-id', 'q0', '--checkpoint', path]):
        bomb(f'an adapter of (65536, 2, 2): {args[0]}', args, d, path, wide)
    shutil.rmtree(wide)
    vectors_file(wide / 'test' / 'embeddings.pt', 'd', 20000, 4, '')
    vectors_file(wide / 'test' / 'query_embeddings_x.pt', 'q', 1, 4, '')
    adapter_file(path, adapter_tensors(4, 65536, 2), honest=True)
    bomb('20,000 documents of 4 numbers, projected to 65,536', ['explain', 'wide', '--query-id', 'q0', '--checkpoint', path], d,
         path, wide)
    adapter_file(path, adapter_tensors(768, 768, 256), honest=True)
    bomb('an adapter of (768, 768, 256)', ['inspect', path], d, path, opens=True)
    shape = b'{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    header = b'{' + b','.join(b'"%d":' % i + shape for i in range(100000)) + b'}'
    written(d / 'empty.safetensors', struct.pack('<Q', len(header)) + header)
    bomb('100,000 empty tensors', ['inspect', 'empty.safetensors'], d, d / 'empty.safetensors')
    for name, text in (('lists', b']' * 2000000), ('dicts', b'}' * 2000000), ('tuples', b')' * 2000000),
                       ('strings', b'X\0\0\0\0' * 1000000), ('memos', b''.join(b'r' + struct.pack('<I', i * 2003) for i in range(300000)))):
        torch_save(path, b'](' + (b'K\1' if name == 'memos' else b'') + text + b'e', {})
        bomb(f'a pickle of {name}', ['inspect', path], d, path)


def reference_bombs(d):
    """Documents and queries that share one storage; the last are a cache as it should be."""
    for n, q, dim, shared in ((3000, 5, 65536, 'one'), (5, 3000, 65536, 'one'), (20000, 1, 65536, 'zero'), (20000, 1, 65536, 'view'),
                              (100000, 5, 4096, 'view'), (20000, 200, 384, ''), (2000, 200, 384, 'one')):
        c = d / 'reference'
        shutil.rmtree(c, ignore_errors=True)
        vectors_file(c / 'test' / 'embeddings.pt', 'd', n, dim, shared)
        vectors_file(c / 'test' / 'query_embeddings_x.pt', 'q', q, dim, shared)
        written(c / 'manifest.json', '{"encoder": "x"}')
        what = f'{n} documents, {q} queries of {dim} numbers, ' + ('each its own' if not shared else f'shared by {shared}')
        opens = dim == 384
        bomb(what, ['inspect', 'reference'], d, c, opens=opens)
        shutil.rmtree(d / 'imported', ignore_errors=True)
        written(d / 'texts.jsonl', ''.join('{"_id": "d%d", "text": "java"}\n' % i for i in range(n)))
        bomb('imported: ' + what, ['cache', '--import', 'reference', '--dataset', 'texts.jsonl', '--cache-dir', 'imported'], d, c,
             opens=opens)
        made = weigh(d / 'imported') if (d / 'imported').exists() else 0
        verdict(f'{what}: {made // MB} MB on the disk', made <= 64 * MB + 64 * weigh(c))


def tokenizer_bombs(d):
    path = d / 'encoder' / 'tokenizer.json'
    plain = json.loads(path.read_text())
    tokenize = ['encoder', 'tokenize', '--encoder', 'encoder', 'a bird']

    def one(what, tokenizer, opens=False, text='a bird'):
        written(path, json.dumps(tokenizer))
        bomb(what, [*tokenize[:-1], text], d, path, opens=opens)

    for to, steps in (('aa', 40), ('a' * 1000, 6), ('ab', 64)):
        doubling = {'type': 'Replace', 'pattern': {'String': 'a'}, 'content': to}
        one(f'{steps} steps that make {len(to)} letters of one',
            plain | {'normalizer': {'type': 'Sequence', 'normalizers': [doubling] * steps}})
    replace = [{'type': 'Replace', 'pattern': {'String': a}, 'content': b} for a, b in (('``', '"'), ("''", '"'), ('ae', 'aeae'))]
    one('a tokenizer with three replacements',
        plain | {'normalizer': {'type': 'Sequence', 'normalizers': [*replace, plain['normalizer']]}}, True)
    vocab = plain['model']['vocab']
    one('a word with number 16,000,000', plain | {'model': plain['model'] | {'vocab': vocab | {'zzzz': 16000000}}})
    one('an added word with number 16,000,000', plain | {'added_tokens': [*plain['added_tokens'],
                                                        plain['added_tokens'][0] | {'id': 16000000, 'content': 'zz'}]})
    many = {f'w{i}': i + len(vocab) for i in range(200000)}
    one('200,000 words more', plain | {'model': plain['model'] | {'vocab': vocab | many}})
    one('50,000 added words', plain | {'added_tokens': [plain['added_tokens'][0] | {'id': i, 'content': f'{w}'}
                                                       for w, i in list(vocab.items())[:50000]]})
    written(path, json.dumps(plain))


def transformer(path, hidden, layers, shared):
    """A BERT folder. shared: all its weights lie in one storage."""
    inner, vocab = 4 * hidden, ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'a', 'bird']
    written(path / 'config.json', json.dumps(
        {'model_type': 'bert', 'hidden_size': hidden, 'num_attention_heads': 4, 'intermediate_size': inner, 'hidden_act': 'gelu',
         'num_hidden_layers': layers, 'vocab_size': len(vocab), 'max_position_embeddings': 16, 'type_vocab_size': 2}))
    written(path / 'vocab.txt', '\n'.join(vocab) + '\n')
    shapes = {f'embeddings.{k}_embeddings.weight': (n, hidden) for k, n in
              (('word', len(vocab)), ('position', 16), ('token_type', 2))}
    linear = {'attention.self.query': (hidden, hidden), 'attention.self.key': (hidden, hidden),
              'attention.self.value': (hidden, hidden), 'attention.output.dense': (hidden, hidden),
              'intermediate.dense': (inner, hidden), 'output.dense': (hidden, inner)}
    norms = ['embeddings.LayerNorm'] + [f'encoder.layer.{i}.{k}.LayerNorm' for i in range(layers) for k in ('attention.output', 'output')]
    for i in range(layers):
        for name, shape in linear.items():
            shapes[f'encoder.layer.{i}.{name}.weight'] = shape
            shapes[f'encoder.layer.{i}.{name}.bias'] = shape[:1]
    for name in norms:
        shapes[f'{name}.weight'] = shapes[f'{name}.bias'] = (hidden,)
    n, at, body = inner * hidden if shared else sum(map(math.prod, shapes.values())), 0, b'}('
    for name, shape in shapes.items():
        strides = [math.prod(shape[k + 1:]) for k in range(len(shape))]
        body += pickled(name) + tensor(shape, strides, n, at)
        at += 0 if shared else math.prod(shape)
    torch_save(path / 'pytorch_model.bin', body + b'u', {'0': (numbers(4096) * (n // 4096 + 1))[:4 * n]})


def transformer_bombs(d):
    path = d / 'bert'
    for layers, shared in ((200, True), (4, False)):
        transformer(path, 256, layers, shared)
        bomb(f'a transformer of {layers} layers' + (' of the same numbers' if shared else ''),
             ['encoder', 'encode', '--encoder', path, 'a bird'], d, path, opens=not shared)
    config = json.loads((path / 'config.json').read_text())
    for name, value in (('num_hidden_layers', 10 ** 9), ('hidden_size', 65536), ('vocab_size', 2 ** 30),
                        ('max_position_embeddings', 2 ** 30), ('num_attention_heads', 65536)):
        written(path / 'config.json', json.dumps(config | {name: value}))
        bomb(f'a transformer with {name} {value}', ['encoder', 'encode', '--encoder', path, 'a bird'], d, path)


def json_bombs(d):
    words = {'nested': '[' * 1000000, 'empty lists': '[' + '[],' * 3000000 + '[]]', 'numbers': '[' + '1,' * 5000000 + '1]',
             'keys': '{"a":' * 200000 + '1' + '}' * 200000, 'empty keys': '{' + '"":1,' * 2000000 + '"":1}'}
    for name, text in words.items():
        path = written(d / 'bomb.json', text)
        bomb(f'JSON of {name}', ['inspect', path], d, path)
        for file, args in (('cache/manifest.json', EXPLAIN), ('encoder/tokenizer.json', ['encoder', 'tokenize', '--encoder', 'encoder', 'a']),
                           ('encoder/config.json', ['encoder', 'encode', '--encoder', 'encoder', 'a']),
                           ('docs.json', ['score', '--encoder', 'encoder', '--query', 'java', '--documents', 'docs.json'])):
            kept = (d / file).read_bytes() if (d / file).exists() else b''
            bomb(f'{file} of {name}', args, d, written(d / file, text))
            written(d / file, kept)


def packed(path, parts, level=9):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED, compresslevel=level) as z:
        for name, pieces in parts.items():
            with z.open(name, 'w', force_zip64=True) as f:
                for piece in pieces:
                    f.write(piece if isinstance(piece, bytes) else piece.encode())
    return path


def zip_bombs(d):
    honest = {part: [(SEED / 'dataset' / part).read_bytes()] for part in ('corpus.jsonl', 'queries.jsonl', 'qrels/test.tsv')}
    for part in honest:
        z = packed(d / 'bomb.zip', honest | {part: honest[part] + [b' ' * (4 * MB)] * 400})
        bomb(f'a zip with 1.6 GB of blanks as {part}', ['inspect', z], d, z)
    lines = {'corpus.jsonl': '{{"_id":"{}","text":"a"}}\n', 'queries.jsonl': '{{"_id":"z{}","text":"a"}}\n', 'qrels/test.tsv': 'z{}\td1\t1\n'}
    for part, line in lines.items():
        z = packed(d / 'bomb.zip', honest | {part: honest[part] + [line.format(i) for i in range(3000000)]})
        bomb(f'a zip with 3,000,000 short lines as {part}', ['inspect', z], d, z)
        bomb('a cache with it', ['explain', 'cache', '--checkpoint', 'adapter.pt', '--query', 'java', '--dataset', z], d, z)
    with zipfile.ZipFile(d / 'bomb.zip', 'w') as z:
        for i in range(200000):
            z.writestr(str(i), b'')
    bomb('a zip of 200,000 empty entries', ['inspect', 'bomb.zip'], d, d / 'bomb.zip')
    texts = [json.dumps({'_id': f'd{i}', 'text': f'java coffee {i} ' * 20}) + '\n' for i in range(100000)]
    z = packed(d / 'large.zip', honest | {'corpus.jsonl': texts}, 6)
    bomb('a zip of 100,000 documents', ['inspect', z], d, z, opens=True)


def line_bombs(d):
    qrels = written(d / 'bomb.tsv', ''.join(f'{i}\t{i}\t1\n' for i in range(1000000)))
    runs = written(d / 'bomb.run', ''.join(f'{i} Q0 {i} 1 1 r\n' for i in range(1000000)))
    bomb('1,000,000 judgements', ['evaluate', '--run', SEED / 'runs' / 'after.run', '--qrels', qrels], d, qrels)
    bomb('a run of 1,000,000 queries', ['evaluate', '--run', runs, '--qrels', 'dataset/qrels/test.tsv'], d, runs)
    texts = written(d / 'bomb.txt', 'a\n' * 100000)
    bomb('100,000 texts of a letter', ['score', '--encoder', 'encoder', '--query', 'a', '--documents', texts], d, texts,
         d / 'encoder')
    corpus = written(d / 'bomb.jsonl', ''.join('{"_id":"%d","text":"a"}\n' % i for i in range(1000000)))
    bomb('1,000,000 documents of a letter', ['inspect', corpus], d, corpus)


def bombs():
    for section in (adapter_bombs, reference_bombs, tokenizer_bombs, transformer_bombs, json_bombs, zip_bombs, line_bombs):
        section(fresh())


# ---- project files ----

def at_home():
    return sorted(str(p) for p in (W / 'home').rglob('*') if '.local' not in p.parts)


def project():
    for line in ('output-dir = ../home', 'output-dir = /tmp/x', 'cache-dir = ../home/c', 'dataset = /etc',
                 'checkpoint = ../../x.pt', 'quiet = yes', 'query = x', 'overwrite = yes', 'datasets-dir = a/../..',
                 'assets-root = /', 'max-memory = 8G', 'encoder = ../e', 'token-table = ../../t', 'output = ../x'):
        d = fresh()
        (d / '.imrnn').write_text(line + '\n')
        before = at_home()
        code, _, _, err = run(['encoder', 'train', '--dataset', 'dataset', '--dim', 8, '-o', 'e'], d, 30)
        verdict(line, code == 2 and b'.imrnn:1' in err and before == at_home(),
                f'status {code} {err[-100:]!r}')
    for line in ('seed = 3\nfeedback-k = 50\ntoken-table = input', 'output-dir = o\ncache-dir = cache', 'bind LIST x :stage next'):
        d = fresh()
        (d / '.imrnn').write_text(line + '\n')
        code, _, _, err = run(['inspect', 'adapter.pt'], d, 30)
        verdict('must be read: ' + line, code == 0 and b'.imrnn: ' in err, f'status {code} {err[-100:]!r}')
    for line in ('bind LIST j :export text ../home/x', 'bind EDIT <C-e> :export', 'bind LIST x :copy', 'bind ANY <C-c> :next',
                 'bind LIST q :next', 'bind ANY <C-g> :next', 'bind LIST x :quit'):
        d = fresh()
        (d / '.imrnn').write_text(line + '\n')
        t = Terminal(['explore', 'cache'], d)
        t.read(3)
        code = t.end()
        verdict(line, code == 2 and b'a project file cannot bind' in t.seen, f'status {code} {t.seen[-100:]!r}')


# ---- caches of others ----

def others():
    """What another user's manifest names is not opened unasked; tried as root, who can make one."""
    if os.geteuid():
        print('    not tried: only root can give files away')
        return
    d = fresh()
    shutil.copytree(d / 'dataset', W / 'home' / 'notes', dirs_exist_ok=True)
    shutil.copytree(d / 'encoder', W / 'home' / 'model', dirs_exist_ok=True)
    manifest = (d / 'cache' / 'manifest.json').read_text()
    manifest = manifest.replace(str(d / 'dataset'), str(W / 'home' / 'notes')).replace(str(d / 'encoder'), str(W / 'home' / 'model'))
    for given in ('.', 'manifest.json'):
        (d / 'cache' / 'manifest.json').write_text(manifest)
        os.chown(d / 'cache' / given, 65534, 65534)
        for args in (['cache', '--cache-dir', 'cache'], ['explain', 'cache', '--query', 'java'], ['score', 'cache', '--query', 'java'],
                     ['evaluate', 'cache', '--checkpoint', 'adapter.pt'], ['inspect', 'cache']):
            _, _, out, err = run(args, d, 30)
            verdict(f'{given} of another user: {args[0]}', b'belongs to another user' in out + err and b'The cultivation' not in out,
                    repr((out + err)[-200:]))
        code, _, _, err = run(EXPLAIN, d, 30)
        verdict(f'{given} of another user, all named', code == 0, repr(err[-200:]))
        os.chown(d / 'cache' / given, 0, 0)


# ---- a terminal ----

class Terminal:
    def __init__(self, args, cwd):
        self.seen = b''
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execve(IMRNN, [IMRNN, *map(str, args)], ENV)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
        self.before = termios.tcgetattr(self.fd)[3]

    def read(self, seconds, until=None):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not (until and until in self.seen):
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:
                    return
                if not data:
                    return
                self.seen += data

    def keys(self, text):
        try:
            os.write(self.fd, text)
        except OSError:
            pass

    def restored(self):
        lines = termios.tcgetattr(self.fd)[3]
        shown = self.seen.rfind(b'\x1b[?1049h') <= self.seen.rfind(b'\x1b[?1049l')
        return shown and bool(lines & termios.ICANON) and bool(lines & termios.ECHO)

    def end(self, seconds=5):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.read(0.3)
                return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            self.read(0.05)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None


EXPLORE = ['explore', 'cache', '--checkpoint', 'adapter.pt', '--encoder', 'encoder', '--dataset', 'dataset']


def explorer(d):
    t = Terminal(EXPLORE, d)
    t.read(15, b'\x1b[?1049h')
    t.read(1)
    return t


def signals():
    fatal = ('HUP', 'TERM', 'QUIT', 'ILL', 'TRAP', 'ABRT', 'BUS', 'FPE', 'SEGV', 'SYS', 'USR1', 'USR2', 'ALRM', 'XCPU',
             'VTALRM', 'PROF')
    for delay in (None, 0, 0.01, 0.03):
        for name in fatal:
            d = fresh()
            t = Terminal(EXPLORE, d) if delay is not None else explorer(d)
            if delay is None:
                t.keys(b'java')
                t.read(0.3)
            time.sleep(delay or 0)
            os.kill(t.pid, getattr(signal, f'SIG{name}'))
            code = t.end()
            verdict(f'SIG{name} {"while typing" if delay is None else f"after {delay} s"}',
                    code is not None and (code < 0 or code == 130) and t.restored(), f'status {code}')
            os.close(t.fd)


def changed():
    """Files that change under the explorer."""
    for name in ('dataset/corpus.jsonl', 'cache/documents.npy', 'cache/document_ids', 'cache/offsets', 'cache/texts',
                 'cache/manifest.json', 'encoder/model.safetensors', 'adapter.pt'):
        for how in ('empty', 'half', 'gone', 'noise'):
            d = fresh()
            path = d / name
            if not path.exists():
                continue
            t = explorer(d)
            if how == 'gone':
                path.unlink()
            elif how == 'noise':
                path.write_bytes(os.urandom(path.stat().st_size // 2))
            else:
                os.truncate(path, 0 if how == 'empty' else path.stat().st_size // 2)
            t.keys(b'java coffee')
            t.read(1)
            t.keys(b'\r')
            for key in (b'j', b'j', b'\r', b'3', b'1', b'k'):
                t.keys(key)
                t.read(0.2)
            t.keys(b'\x1b')
            t.read(0.3)
            t.keys(b'\x03')
            t.read(0.1)
            t.keys(b'\x03')
            code = t.end()
            verdict(f'{name} {how} under the explorer', code is not None and code >= 0 and t.restored(), f'status {code}')
            os.close(t.fd)


# ---- escapes ----

EVIL = 'x\x1b]0;owned\x07\x1b[2J\u202e\u200b\x9b31m\r\x08y'
RAW = (b'\x1b]', b'\x1b[2J', b'\xe2\x80\xae', b'\xe2\x80\x8b', b'\xc2\x9b', b'\x07', b'\x08')


def escapes():
    d = fresh()
    name = 'x\u202e\u200b\x9b31my'  # ids with C0 controls are refused
    corpus = [{'_id': f'{name}{i}', 'title': EVIL, 'text': f'java coffee volcano {EVIL}'} for i in range(20)]
    (d / 'evil' / 'qrels').mkdir(parents=True)
    (d / 'evil' / 'corpus.jsonl').write_text(''.join(json.dumps(c) + '\n' for c in corpus))
    (d / 'evil' / 'queries.jsonl').write_text(json.dumps({'_id': name, 'text': f'java {EVIL}'}) + '\n')
    (d / 'evil' / 'qrels' / 'test.tsv').write_text(f'query-id\tcorpus-id\tscore\n{name}\t{name}3\t1\n')
    shutil.copy(d / 'evil' / 'qrels' / 'test.tsv', d / 'evil' / 'qrels' / 'te\x1b]0;s\u202et.tsv')
    (d / EVIL.replace('/', '')).mkdir()
    run(['cache', '--dataset', 'evil', '--encoder', 'encoder', '--cache-dir', 'evil-cache'], d, 30)
    (d / 'evil.run').write_text(f'{name} Q0 {name} 1 1.0 r\n')
    (d / 'evil.qrels').write_text(f'{name} 0 {name} 1\n')
    cache = ['evil-cache', '--checkpoint', 'adapter.pt']
    run(['explain', *cache, '--query', 'java', '--format', 'json', '-o', 'evil.json'], d, 30)
    text = (d / 'evil.json').read_text()
    (d / 'evil.json').write_text(text.replace('"title":"', '"title":"other ', 1))
    commands = [['inspect', 'evil'], ['inspect', 'evil-cache'], ['inspect', 'evil', '--format', 'json'],
                ['inspect', 'evil-cache', '--format', 'json'], ['evaluate', '--run', 'evil.run', '--qrels', 'evil.qrels',
                                                                '--per-query'],
                ['evaluate', '--run', 'evil.run', '--qrels', 'evil.qrels', '--per-query', '--format', 'json'],
                ['explain', *cache, '--query', 'java'], ['explain', *cache, '--query', 'java', '--format', 'json'],
                ['explain', *cache, '--query', 'java', '--view', 'words'], ['explain', *cache, '--query', f'java {EVIL}'],
                ['explain', *cache, '--query', 'java', '--view', 'map'], ['verify', 'evil.json'],
                ['explain', *cache, '--query', 'java', '--compare', f'{name}1,{name}2'],
                ['explain', 'evil-cache', '--query', 'java'], ['explain', *cache, '--query-id', name],
                ['explain', *cache, '--query-id', 'no' + EVIL], ['explain', *cache, '--document', name + '3', '--query', 'java'],
                ['explain', 'evil-cache', '--pair', f'java {EVIL}', f'coffee {EVIL}'], ['inspect', EVIL],
                ['evaluate', *cache, '--per-query'], ['evaluate', *cache, '--per-query', '--format', 'json'],
                ['score', 'evil-cache', '--query', 'java'], ['score', '--encoder', 'encoder', '--query', 'java', '--documents',
                                                             'evil/corpus.jsonl'],
                ['encoder', 'tokenize', '--encoder', 'encoder', EVIL], ['cache', '--dataset', EVIL, '--encoder', EVIL, '--cache-dir', 'c'],
                [EVIL], ['--' + EVIL], ['explain', '--format', EVIL, *cache, '--query', 'x']]
    for args in commands:
        _, _, out, err = run(args, d, 30)
        raw = [r for r in RAW if r in out + err]
        told = any(s in out + err for s in (b'<U+202E>', b'\\u202e'))
        verdict(' '.join(map(repr, args))[:90], not raw and told, str(raw))
    t = Terminal(['explore', *cache, '--encoder', 'encoder'], d)
    t.read(10, b'\x1b[?1049h')
    for key in (b'java', b'\r', b'j', b'\r', b'3', b'1', b'?', b'\x1b'):
        t.keys(key)
        t.read(0.4)
    raw = [r for r in (b'owned\x07', b'\x1b]0;owned', b'\xe2\x80\xae', b'\xc2\x9b') if r in t.seen]
    verdict('the explorer', not raw and b'<U+202E>' in t.seen, str(raw))
    t.keys(b'\x03\x03')
    t.end()


def history():
    d = fresh()
    state = W / 'home' / '.local' / 'state' / 'imrnn'
    for name, text in (('60 kB of one line', '中文' * 10000), ('240 kB of one line', '中文' * 40000),
                       ('20 MB of one line', 'a' * 20 * MB), ('marks on one letter', 'a' + '\u0301' * 600000),
                       ('200,000 lines', 'java coffee\n' * 200000)):
        state.mkdir(parents=True, exist_ok=True)
        (state / 'history').write_text(text + '\n')
        at = time.monotonic()
        t = Terminal(EXPLORE, d)
        t.read(20, b'\x1b[?1049h')
        late = time.monotonic() - at
        verdict(name, late < 3, f'{late:.1f} s')
        t.keys(b'\x03\x03')
        t.end()
    (state / 'history').write_text('old\n')
    both = [Terminal(EXPLORE, d) for _ in range(2)]
    for t, text in zip(both, (b'java coffee', b'volcano')):
        t.read(20, b'\x1b[?1049h')
        t.keys(text)
        t.read(20, b'moved')  # what found nothing yet is not kept
        t.keys(b'\r')
        t.read(1)
    codes = []
    for t in both:
        t.keys(b'\x03\x03')
        codes.append(t.end(30))
    kept = (state / 'history').read_text()
    verdict('two explorers at once', kept == 'old\njava coffee\nvolcano\n', f'{codes} {kept!r}')


SECTIONS = {'files': files, 'links': links, 'bombs': bombs, 'project': project, 'others': others, 'signals': signals, 'changed': changed,
            'escapes': escapes, 'history': history}
wrong = [s for s in sys.argv[2:] if s not in SECTIONS]
if wrong:
    sys.exit(f'no section {wrong[0]}; there are {", ".join(SECTIONS)}')
total = 0
try:
    make_seed()
    print(f'{"":10}{"tried":>8}{"got through":>14}')
    for name, section in SECTIONS.items():
        if len(sys.argv) == 2 or name in sys.argv[2:]:
            tried = failed = 0
            section()
            total += failed
            print(f'{name:10}{tried:8}{failed:14}', flush=True)
finally:
    subprocess.run(['chmod', '-R', 'u+rwx', W])
    shutil.rmtree(W, ignore_errors=True)
sys.exit(total != 0)

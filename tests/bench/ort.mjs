// ort.mjs - ONNX Runtime as the other side of `bench encode`.
//
//   node ort.mjs FOLDER THREADS        module onnxruntime-node in IMRNN_BENCH_ORT or NODE_PATH
//
// FOLDER has a BERT model and sets.json, {"<set>": [[id, ...], ...]}. Writes FOLDER/model.onnx, says
// "ready <version>, its graph: <operators>" (or "absent" without the module), then answers each line
// of standard input:
//   time SET ORDER TIMES    -> "<best> <median>" seconds of encoding the whole set; batches of 32
//                              texts, padded to the batch's longest, in ORDER "file" or "sorted"
//   again                   -> "ok", a new session with new threads
//   vectors SET FILE        -> "ok", the vectors in file order written as float32
// Batches are made beforehand: only the runtime's own work is timed.
import fs from 'node:fs';
import {createRequire} from 'node:module';
import readline from 'node:readline';
import {countOperators, writeOnnx} from './onnx.mjs';

const [folder, threads] = process.argv.slice(2);
const modules = process.env.IMRNN_BENCH_ORT;
const need = createRequire(modules ? `${fs.realpathSync(modules)}/x.js` : import.meta.url);
let ort;
try {
  ort = need('onnxruntime-node');
} catch (e) {
  if (e.code !== 'MODULE_NOT_FOUND')
    throw e;
  console.log('absent');
  process.exit(0);
}
const {version} = need('onnxruntime-node/package.json');
// What the public session calls, without the event loop between: it would be timed too.
const {binding, initOrt} = need('onnxruntime-node/dist/binding');
initOrt();

const BATCH = 32;
const sets = JSON.parse(fs.readFileSync(`${folder}/sets.json`, 'utf8'));
const model = `${folder}/model.onnx`, optimised = `${folder}/optimised.onnx`;
writeOnnx(model, folder);

function open(more) {
  const session = new binding.InferenceSession();
  session.loadModel(model, {
    intraOpNumThreads: Number(threads), interOpNumThreads: 1, executionMode: 'sequential',
    graphOptimizationLevel: 'all', logSeverityLevel: 3, ...more});
  return session;
}

const run = (session, feeds) => session.run(feeds, {sentence_embedding: null}, {}).sentence_embedding;

function batches(texts, order) {
  const index = texts.map((_, i) => i);
  if (order === 'sorted')
    index.sort((a, b) => texts[a].length - texts[b].length);
  const out = [];
  for (let at = 0; at < index.length; at += BATCH) {
    const some = index.slice(at, at + BATCH);
    const longest = Math.max(...some.map((i) => texts[i].length));
    const shape = [some.length, longest];
    const ids = new BigInt64Array(some.length * longest), mask = new BigInt64Array(ids.length);
    some.forEach((text, row) => texts[text].forEach((id, i) => {
      ids[row * longest + i] = BigInt(id);
      mask[row * longest + i] = 1n;
    }));
    const tensor = (v) => new ort.Tensor('int64', v, shape);
    out.push({index: some, feeds: {
      input_ids: tensor(ids), attention_mask: tensor(mask),
      token_type_ids: tensor(new BigInt64Array(ids.length))}});
  }
  return out;
}

const made = new Map();

function batchesOf(set, order) {
  const key = `${set} ${order}`;
  if (!made.has(key))
    made.set(key, batches(sets[set], order));
  return made.get(key);
}

function time(session, set, order, times) {
  const all = batchesOf(set, order), seconds = [];
  for (let i = 0; i < times; i++) {
    const start = process.hrtime.bigint();
    for (const b of all)
      run(session, b.feeds);
    seconds.push(Number(process.hrtime.bigint() - start) * 1e-9);
  }
  seconds.sort((a, b) => a - b);
  return `${seconds[0]} ${seconds[seconds.length >> 1]}`;
}

function vectors(session, set, file) {
  let out = null;
  for (const b of batchesOf(set, 'file')) {
    const result = run(session, b.feeds), width = result.dims[1];
    out ??= new Float32Array(sets[set].length * width);
    b.index.forEach((text, row) =>
      out.set(result.data.subarray(row * width, (row + 1) * width), text * width));
  }
  fs.writeFileSync(file, new Uint8Array(out.buffer));
  return 'ok';
}

open({optimizedModelFilePath: optimised}).dispose();
const counts = Object.entries(countOperators(optimised)).sort((a, b) => b[1] - a[1]);
fs.rmSync(optimised);
let session = open({});
console.log(`ready ${version}, its graph: ${counts.map(([name, n]) => `${n} ${name}`).join(', ')}`);
for await (const line of readline.createInterface({input: process.stdin})) {
  const [what, set, ...rest] = line.split(' ');
  if (what === 'time') {
    console.log(time(session, set, rest[0], Number(rest[1])));
  } else if (what === 'vectors') {
    console.log(vectors(session, set, rest[0]));
  } else {
    session.dispose();
    session = open({});
    console.log('ok');
  }
}

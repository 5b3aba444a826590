// onnx.mjs - a BERT folder (config.json, model.safetensors) with mean pooling and Normalize as an
// ONNX file. Attention, BiasGelu and SkipLayerNormalization are written as ONNX Runtime's own fused
// operators, what its optimiser for transformers makes of an exported model: whether its other
// optimisers find a pattern depends on versions and on known shapes. Field numbers are those of
// onnx.proto3; opset 17.
import fs from 'node:fs';

const FLOAT = 1, INT32 = 6, INT64 = 7;

// ---- protocol buffers ----

function varint(n) {
  const bytes = [];
  for (let v = BigInt.asUintN(64, BigInt(n)); ; v >>= 7n) {
    if (v < 128n) {
      bytes.push(Number(v));
      return Buffer.from(bytes);
    }
    bytes.push(Number(v & 127n) | 128);
  }
}

const int = (field, n) => [varint(field << 3), varint(n)];

function bytes(field, parts) {
  const all = Buffer.concat([parts].flat(Infinity));
  return [varint((field << 3) | 2), varint(all.length), all];
}

const text = (field, s) => bytes(field, Buffer.from(s));

function float(field, x) {
  const b = Buffer.alloc(4);
  b.writeFloatLE(x);
  return [varint((field << 3) | 5), b];
}

// Attributes: {axis: 1} an integer, {perm: [..]} integers, {epsilon: {f: 1e-12}} a float.
function attribute(name, v) {
  if (Array.isArray(v))
    return [text(1, name), v.map((i) => int(8, i)), int(20, 7)];
  return typeof v === 'number' ? [text(1, name), int(3, v), int(20, 2)]
    : [text(1, name), float(2, v.f), int(20, 1)];
}

function valueInfo(name, type, shape) {
  const dims = shape.map((d) => bytes(1, typeof d === 'string' ? text(2, d) : int(1, d)));
  return [text(1, name), bytes(2, bytes(1, [int(1, type), bytes(2, dims)]))];
}

// ---- the graph ----

class Graph {
  nodes = [];
  initializers = [];
  used = new Set();

  // Adds an operator and returns the name of its result.
  op(type, inputs, attributes = {}, output = null, domain = '') {
    const n = this.nodes.length, out = output ?? `${type}_${n}`;
    this.nodes.push(bytes(1, [
      inputs.map((i) => text(1, i)), text(2, out), text(3, `/${type}_${n}`), text(4, type),
      Object.entries(attributes).map(([k, v]) => bytes(5, attribute(k, v))), text(7, domain)]));
    return out;
  }

  tensor(name, type, shape, raw) {
    if (!this.used.has(name))
      this.initializers.push(bytes(5, [
        shape.map((d) => int(1, d)), int(2, type), text(8, name), bytes(9, raw)]));
    this.used.add(name);
    return name;
  }

  ints(values, scalar = false) {
    const raw = Buffer.from(BigInt64Array.from(values.map(BigInt)).buffer);
    return this.tensor(`i${scalar ? '' : 's'}_${values.join('_')}`, INT64,
                       scalar ? [] : [values.length], raw);
  }

  scalar(x) {
    return this.tensor(`f_${x}`, FLOAT, [], Buffer.from(Float32Array.of(x).buffer));
  }
}

function weightsOf(path) {
  const file = fs.readFileSync(path);
  const length = Number(file.readBigUInt64LE(0)), data = 8 + length;
  const header = JSON.parse(file.toString('utf8', 8, data));
  return (name) => {
    const t = header[name];
    if (!t || t.dtype !== 'F32')
      throw new Error(`${path}: no F32 tensor ${name}`);
    return {shape: t.shape, raw: file.subarray(data + t.data_offsets[0], data + t.data_offsets[1])};
  };
}

function transposed({shape: [rows, cols], raw}) {
  const from = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
  const to = new Float32Array(from.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < cols; j++)
      to[j * rows + i] = from[i * cols + j];
  return {shape: [cols, rows], raw: Buffer.from(to.buffer)};
}

export function writeOnnx(out, folder) {
  const config = JSON.parse(fs.readFileSync(`${folder}/config.json`, 'utf8'));
  const weight = weightsOf(`${folder}/model.safetensors`);
  const hidden = config.hidden_size, heads = config.num_attention_heads;
  const g = new Graph();
  const put = (name, t = weight(name)) => g.tensor(name, FLOAT, t.shape, t.raw);

  const matmul = (x, name) =>
    g.op('MatMul', [x, put(`${name}.weight_T`, transposed(weight(`${name}.weight`)))]);
  const microsoft = (type, inputs, attributes = {}) =>
    g.op(type, inputs, attributes, null, 'com.microsoft');
  const epsilon = {f: config.layer_norm_eps};
  const addNorm = (x, y, name, dense) => microsoft('SkipLayerNormalization', [
    y, x, put(`${name}.weight`), put(`${name}.bias`), put(`${dense}.bias`)], {epsilon});

  // [hidden, 3 hidden] and [3 hidden]: queries, keys, values beside each other.
  function attention(x, mask, layer) {
    const parts = ['query', 'key', 'value'].map((n) => `${layer}.attention.self.${n}`);
    const rows = parts.map((n) => transposed(weight(`${n}.weight`)).raw), wide = 4 * hidden;
    const joined = Buffer.concat(Array.from({length: hidden}, (_, i) =>
      rows.map((r) => r.subarray(i * wide, (i + 1) * wide))).flat());
    const w = g.tensor(`${layer}.qkv`, FLOAT, [hidden, 3 * hidden], joined);
    const b = g.tensor(`${layer}.qkv_bias`, FLOAT, [3 * hidden],
                       Buffer.concat(parts.map((n) => weight(`${n}.bias`).raw)));
    const context = microsoft('Attention', [x, w, b, mask], {num_heads: heads});
    const out = `${layer}.attention.output`;
    return addNorm(x, matmul(context, `${out}.dense`), `${out}.LayerNorm`, `${out}.dense`);
  }

  function feedForward(x, layer) {
    const inner = `${layer}.intermediate.dense`, out = `${layer}.output`;
    const gelu = microsoft('BiasGelu', [matmul(x, inner), put(`${inner}.bias`)]);
    return addNorm(x, matmul(gelu, `${out}.dense`), `${out}.LayerNorm`, `${out}.dense`);
  }

  // The first tokens' places: position_ids[:, :length].
  const length = g.op('Gather', [g.op('Shape', ['input_ids']), g.ints([1], true)], {axis: 0});
  const every = Array.from({length: config.max_position_embeddings}, (_, i) => BigInt(i));
  const places = g.op('Slice', [
    g.tensor('position_ids', INT64, [1, every.length], Buffer.from(BigInt64Array.from(every).buffer)),
    g.ints([0]), g.op('Unsqueeze', [length, g.ints([0])]), g.ints([1]), g.ints([1])]);
  const table = (name, ids) =>
    g.op('Gather', [put(`embeddings.${name}_embeddings.weight`), ids], {axis: 0});
  const words = g.op('Add', [table('word', 'input_ids'), table('token_type', 'token_type_ids')]);
  const norm = ['weight', 'bias'].map((part) => put(`embeddings.LayerNorm.${part}`));
  let x = g.op('LayerNormalization', [g.op('Add', [words, table('position', places)]), ...norm],
               {axis: -1, epsilon});

  const mask = g.op('Cast', ['attention_mask'], {to: INT32});
  for (let i = 0; i < config.num_hidden_layers; i++)
    x = feedForward(attention(x, mask, `encoder.layer.${i}`), `encoder.layer.${i}`);

  const there = g.op('Cast', [g.op('Unsqueeze', ['attention_mask', g.ints([2])])], {to: FLOAT});
  const sum = g.op('ReduceSum', [g.op('Mul', [x, there]), g.ints([1])], {keepdims: 0});
  const count = g.op('ReduceSum', [there, g.ints([1])], {keepdims: 0});
  const mean = g.op('Div', [sum, g.op('Max', [count, g.scalar(1e-9)])]);
  const length2 = g.op('ReduceL2', [mean], {axes: [1], keepdims: 1});
  g.op('Div', [mean, g.op('Max', [length2, g.scalar(1e-12)])], {}, 'sentence_embedding');

  const inputs = ['input_ids', 'attention_mask', 'token_type_ids'].map((name) =>
    bytes(11, valueInfo(name, INT64, ['batch', 'sequence'])));
  const output = bytes(12, valueInfo('sentence_embedding', FLOAT, ['batch', hidden]));
  const graph = [g.nodes, text(2, 'bert'), g.initializers, inputs, output];
  fs.writeFileSync(out, Buffer.concat([
    int(1, 8), text(2, 'imrnn bench'), bytes(7, graph), bytes(8, int(2, 17)),
    bytes(8, [text(1, 'com.microsoft'), int(2, 1)])].flat(Infinity)));
}

// ---- reading back what an optimiser made ----

function* fields(buffer) {
  let at = 0;
  const number = () => {
    let n = 0;
    for (let factor = 1; ; factor *= 128) {
      const b = buffer[at++];
      n += (b & 127) * factor;
      if (b < 128)
        return n;
    }
  };
  while (at < buffer.length) {
    const key = number(), kind = key % 8;
    if (kind === 2) {
      const n = number();
      at += n;
      yield [Math.floor(key / 8), buffer.subarray(at - n, at)];
    } else if (kind === 0) {
      number();
    } else {
      at += kind === 5 ? 4 : 8;
    }
  }
}

// How many nodes of each operator a model has: {Attention: 6, ...}.
export function countOperators(path) {
  const counts = {};
  for (const [field, graph] of fields(fs.readFileSync(path)))
    if (field === 7)
      for (const [part, node] of fields(graph))
        if (part === 1)
          for (const [what, value] of fields(node))
            if (what === 4)
              counts[value.toString()] = (counts[value.toString()] ?? 0) + 1;
  return counts;
}

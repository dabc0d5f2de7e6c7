import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOY_SHAPE, toyHalf, toyVariables, writeToyCt2, writeToyVocabulary } from '../../test/fixtures/toy-ct2.js';
import { convertCt2, type Produced } from './convert.js';
import { digestOf } from './download.js';
import { GGML_TYPES, type GgmlFile, readGgml } from './ggml-file.js';
import { FLOAT_OF_HALF } from './half-float.js';
import { quantizeQ8 } from './quantize.js';

let directory: string;
let parts: string[];
let vocabulary: string;
let f16: string;
let produced: Produced;
let file: GgmlFile;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'convert-'));
  parts = ['a', 'b', 'c'].map((name) => join(directory, name));
  vocabulary = join(directory, 'vocabulary.txt');
  f16 = join(directory, 'f16.bin');
  await writeToyCt2(parts, TOY_SHAPE);
  await writeToyVocabulary(vocabulary);
  produced = await convertCt2(parts, vocabulary, f16);
  file = await readGgml(f16);
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Data of a tensor as numbers. */
async function values(path: string, model: GgmlFile, name: string): Promise<number[]> {
  const tensor = model.tensors.find((it) => it.name === name);
  if (tensor === undefined) throw new Error(name);
  const data = (await readFile(path)).subarray(tensor.offset, tensor.offset + tensor.bytes);
  if (tensor.type === 'f32') return Array.from({ length: data.length / 4 }, (_, i) => data.readFloatLE(4 * i));
  if (tensor.type === 'f16')
    return Array.from({ length: data.length / 2 }, (_, i) => FLOAT_OF_HALF[data.readUInt16LE(2 * i)] ?? 0);
  const { bytes } = GGML_TYPES.q8_0;
  return Array.from({ length: (data.length / bytes) * 32 }, (_, i) => {
    const block = Math.floor(i / 32) * bytes;
    return (FLOAT_OF_HALF[data.readUInt16LE(block)] ?? 0) * data.readInt8(block + 2 + (i % 32));
  });
}

/** What the toy put into a variable, from one value on. */
function toy(name: string, from: number, count: number): number[] {
  const seed = toyVariables(TOY_SHAPE).findIndex(([it]) => it === name);
  return Array.from({ length: count }, (_, i) => FLOAT_OF_HALF[toyHalf(seed, from + i)] ?? 0);
}

describe('the conversion from CTranslate2', () => {
  it('makes a whole file with the dimensions of the model', () => {
    expect(file.type).toBe('f16');
    expect(file.bytes).toBe(produced.bytes);
    expect(file.dimensions).toEqual({
      vocabulary: 51_865,
      audioContext: 1500,
      audioState: 64,
      audioHeads: 1,
      audioLayers: 1,
      textContext: 448,
      textState: 64,
      textHeads: 1,
      textLayers: 1,
      mels: 80,
    });
  });

  it('says the sum of what it wrote', async () => {
    expect(produced.sha256).toBe(await digestOf('sha256', f16));
  });

  it('gives the same bytes again', async () => {
    expect(await convertCt2(parts, vocabulary, join(directory, 'again.bin'))).toEqual(produced);
  });

  it.each([
    ['encoder.blocks.0.attn.query.weight', 'encoder/layer_0/self_attention/linear_0/weight', 0],
    ['encoder.blocks.0.attn.key.weight', 'encoder/layer_0/self_attention/linear_0/weight', 64 * 64],
    ['encoder.blocks.0.attn.value.weight', 'encoder/layer_0/self_attention/linear_0/weight', 2 * 64 * 64],
    ['encoder.blocks.0.attn.value.bias', 'encoder/layer_0/self_attention/linear_0/bias', 2 * 64],
    ['encoder.blocks.0.attn.out.weight', 'encoder/layer_0/self_attention/linear_1/weight', 0],
    ['decoder.blocks.0.cross_attn.query.weight', 'decoder/layer_0/attention/linear_0/weight', 0],
    ['decoder.blocks.0.cross_attn.key.weight', 'decoder/layer_0/attention/linear_1/weight', 0],
    ['decoder.blocks.0.cross_attn.value.weight', 'decoder/layer_0/attention/linear_1/weight', 64 * 64],
    ['decoder.blocks.0.cross_attn.value.bias', 'decoder/layer_0/attention/linear_1/bias', 64],
    ['decoder.blocks.0.cross_attn_ln.weight', 'decoder/layer_0/attention/layer_norm/gamma', 0],
    ['decoder.blocks.0.mlp.2.weight', 'decoder/layer_0/ffn/linear_1/weight', 0],
    ['encoder.conv1.bias', 'encoder/conv1/bias', 0],
    ['decoder.positional_embedding', 'decoder/position_encodings/encodings', 0],
    ['encoder.ln_post.bias', 'encoder/layer_norm/beta', 0],
  ])('takes %s from %s at %i', async (tensor, variable, from) => {
    const found = await values(f16, file, tensor);
    expect(found).toEqual(toy(variable, from, found.length));
  });

  it('drops the bias of keys, which Whisper does not have', () => {
    expect(file.tensors.filter((it) => it.name.endsWith('key.bias'))).toEqual([]);
  });

  it('keeps vectors, convolution biases and positions in single precision', () => {
    const types = Object.fromEntries(file.tensors.map((it) => [it.name, it.type]));
    expect(types).toMatchObject({
      'encoder.positional_embedding': 'f32',
      'encoder.conv1.weight': 'f16',
      'encoder.conv1.bias': 'f32',
      'decoder.ln.weight': 'f32',
      'decoder.token_embedding.weight': 'f16',
    });
    expect(file.tensors.find((it) => it.name === 'encoder.conv2.bias')?.dims).toEqual([1, 64]);
  });

  it('stops when it is told to', async () => {
    const signal = AbortSignal.abort();
    const stopped = convertCt2(parts, vocabulary, join(directory, 'stopped.bin'), { signal });
    await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
  });

  it('refuses a model.bin that ends too early or is something else', async () => {
    const target = join(directory, 'x.bin');
    await expect(convertCt2(parts.slice(0, 2), vocabulary, target)).rejects.toMatchObject({ code: 'bad-model' });
    const text = join(directory, 'text');
    await writeFile(text, 'version https://git-lfs.github.com/spec/v1\n');
    await expect(convertCt2([text], vocabulary, target)).rejects.toThrow(/format version/);
  });
});

describe('quantizing', () => {
  it('halves the file and keeps every weight within half a step of its block', async () => {
    const q8 = join(directory, 'q8.bin');
    const result = await quantizeQ8(f16, q8);
    const model = await readGgml(q8);
    expect(model.type).toBe('q8_0');
    expect(result).toEqual({ bytes: model.bytes, sha256: await digestOf('sha256', q8) });
    expect(model.tensors.find((it) => it.name === 'encoder.conv1.weight')?.type).toBe('f16');
    expect(model.tensors.find((it) => it.name === 'encoder.positional_embedding')?.type).toBe('f32');
    const name = 'decoder.blocks.0.mlp.0.weight';
    const [exact, rounded] = [await values(f16, file, name), await values(q8, model, name)];
    for (let block = 0; block < exact.length; block += 32) {
      const largest = Math.max(...exact.slice(block, block + 32).map(Math.abs));
      for (let i = block; i < block + 32; i++)
        if (Math.abs((exact[i] ?? 0) - (rounded[i] ?? 0)) > (largest / 127) * 0.5 + largest / 1024)
          expect.fail(`${name}[${i}]: ${exact[i]} became ${rounded[i]}`);
    }
  });

  it('writes what whisper.cpp’s own program writes, byte for byte', async () => {
    // Sum of the output of `whisper-quantize f16.bin out.bin q8_0` (whisper.cpp 1.9.1) for the same toy.
    const { sha256 } = await quantizeQ8(f16, join(directory, 'same.bin'));
    expect(sha256).toBe('d04b7865ba24facb83a56908e489be5ae3fb3e53b4f40444a9998a4bdc53d353');
  });

  it('does not quantize twice', async () => {
    await quantizeQ8(f16, join(directory, 'once.bin'));
    await expect(quantizeQ8(join(directory, 'once.bin'), join(directory, 'twice.bin'))).rejects.toThrow(/q8_0 weights/);
  });
});

describe('reading a ggml file', () => {
  it('finds out that it was cut short, has something appended, or is something else', async () => {
    const copy = join(directory, 'damaged.bin');
    await writeFile(copy, await readFile(f16));
    await appendFile(copy, 'x');
    await expect(readGgml(copy)).rejects.toMatchObject({ code: 'bad-model' });
    await truncate(copy, produced.bytes - 1);
    await expect(readGgml(copy)).rejects.toThrow(/ends at byte/);
    await truncate(copy, 100_000);
    await expect(readGgml(copy)).rejects.toMatchObject({ code: 'bad-model' });
    await writeFile(copy, '<!doctype html>');
    await expect(readGgml(copy)).rejects.toThrow(/magic number/);
  });
});

import { open, readFile } from 'node:fs/promises';
import { CT2_TYPES, Ct2File, type Ct2Variable } from './ct2-file.js';
import { type GgmlType, ggmlHeader, ggmlTensorHeader, HashingWriter, type ModelDimensions } from './ggml-file.js';
import { FLOAT_OF_HALF, halfOfFloat } from './half-float.js';
import { FFT_BINS, melFilters } from './mel-filters.js';
import { ModelError } from './model-error.js';
import { plainTokens } from './vocabulary.js';

/** Data is moved in pieces of this many bytes, so memory stays flat for any model. */
const PIECE = 4 * 1024 * 1024;

export interface Produced {
  readonly bytes: number;
  readonly sha256: string;
}

export interface ConvertOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the share that is done, 0 to 1. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/**
 * Writes the weights of a CTranslate2 Whisper model as whisper.cpp's f16 file. The same input always gives the same
 * bytes. Attention heads have 64 dimensions in every Whisper model.
 *
 * @param modelParts the files that make up model.bin, in order
 * @param vocabulary path of vocabulary.txt
 * @param output a file of ours, written from its beginning; making it visible under its name is the caller's part
 * @throws {ModelError} bad-model, interrupted
 */
export async function convertCt2(
  modelParts: readonly string[],
  vocabulary: string,
  output: string,
  { signal, onProgress }: ConvertOptions = {},
): Promise<Produced> {
  const tokens = plainTokens(await readFile(vocabulary, 'utf8'));
  const source = await Ct2File.open(modelParts);
  try {
    const handle = await open(output, 'w');
    try {
      const writer = new HashingWriter(handle);
      const dimensions = dimensionsOf(source);
      await writer.write(ggmlHeader(dimensions, 'f16'));
      await writer.write(tables(dimensions.mels, tokens));
      const tensors = tensorsOf(source, dimensions);
      for (const [i, tensor] of tensors.entries()) {
        await writeTensor(source, writer, tensor, signal);
        onProgress?.((i + 1) / tensors.length);
      }
      return { bytes: writer.bytes, sha256: writer.sha256() };
    } finally {
      await handle.close();
    }
  } finally {
    await source.close();
  }
}

function dimensionsOf(source: Ct2File): ModelDimensions {
  const layers = (side: string) => {
    const numbers = [...source.variables.keys()].map((it) => new RegExp(`^${side}/layer_(\\d+)/`).exec(it)?.[1]);
    return new Set(numbers.filter((it) => it !== undefined)).size;
  };
  const shape = (name: string) => source.variable(name).dims;
  const [vocabulary = 0, textState = 0] = shape('decoder/embeddings/weight');
  const [audioState = 0, mels = 0] = shape('encoder/conv1/weight');
  return {
    vocabulary,
    audioContext: shape('encoder/position_encodings/encodings')[0] ?? 0,
    audioState,
    audioHeads: audioState / 64,
    audioLayers: layers('encoder'),
    textContext: shape('decoder/position_encodings/encodings')[0] ?? 0,
    textState,
    textHeads: textState / 64,
    textLayers: layers('decoder'),
    mels,
  };
}

/** Mel filters and tokens, as they stand between the header and the first tensor. */
function tables(mels: number, tokens: readonly Uint8Array[]): Buffer {
  const int = (value: number) => {
    const buffer = Buffer.alloc(4);
    buffer.writeInt32LE(value);
    return buffer;
  };
  const filters = melFilters(mels);
  const data = Buffer.alloc(filters.length * 4);
  filters.forEach((value, i) => {
    data.writeFloatLE(value, 4 * i);
  });
  return Buffer.concat([
    int(mels),
    int(FFT_BINS),
    data,
    int(tokens.length),
    ...tokens.flatMap((token) => [int(token.length), token]),
  ]);
}

/** One tensor of the ggml file: which rows of which variable it is made of. */
interface TensorPlan {
  readonly name: string;
  readonly type: GgmlType;
  readonly dims: readonly number[];
  readonly variable: Ct2Variable;
  readonly offset: number;
  readonly values: number;
}

function tensorsOf(source: Ct2File, dimensions: ModelDimensions): TensorPlan[] {
  const plans: TensorPlan[] = [];
  /** `part` of `of` equal shares of the rows: fused projections hold query, key and value below each other. */
  const add = (name: string, from: string, { type, part = 0, of = 1, column = false }: AddOptions = {}) => {
    const variable = source.variable(from);
    const [rows = 0, ...rest] = variable.dims;
    const shape = [rows / of, ...rest];
    const values = shape.reduce((product, dim) => product * dim, 1);
    plans.push({
      name,
      type: type ?? (variable.dims.length === 1 ? 'f32' : 'f16'),
      dims: column ? [1, ...shape] : shape.toReversed(),
      variable,
      offset: variable.offset + (variable.bytes / of) * part,
      values,
    });
  };
  const linear = (name: string, from: string, options: AddOptions = {}) => {
    add(`${name}.weight`, `${from}/weight`, options);
    add(`${name}.bias`, `${from}/bias`, options);
  };
  const norm = (name: string, from: string) => {
    add(`${name}.weight`, `${from}/gamma`);
    add(`${name}.bias`, `${from}/beta`);
  };
  const selfAttention = (block: string, from: string) => {
    linear(`${block}.attn.query`, `${from}/linear_0`, { part: 0, of: 3 });
    // Whisper's keys have no bias; the fused one is zero there.
    add(`${block}.attn.key.weight`, `${from}/linear_0/weight`, { part: 1, of: 3 });
    linear(`${block}.attn.value`, `${from}/linear_0`, { part: 2, of: 3 });
    linear(`${block}.attn.out`, `${from}/linear_1`);
    norm(`${block}.attn_ln`, `${from}/layer_norm`);
  };
  const feedForward = (block: string, from: string) => {
    linear(`${block}.mlp.0`, `${from}/linear_0`);
    linear(`${block}.mlp.2`, `${from}/linear_1`);
    norm(`${block}.mlp_ln`, `${from}/layer_norm`);
  };

  add('encoder.positional_embedding', 'encoder/position_encodings/encodings', { type: 'f32' });
  for (const conv of ['conv1', 'conv2']) {
    add(`encoder.${conv}.weight`, `encoder/${conv}/weight`);
    add(`encoder.${conv}.bias`, `encoder/${conv}/bias`, { column: true });
  }
  for (let i = 0; i < dimensions.audioLayers; i++) {
    selfAttention(`encoder.blocks.${i}`, `encoder/layer_${i}/self_attention`);
    feedForward(`encoder.blocks.${i}`, `encoder/layer_${i}/ffn`);
  }
  norm('encoder.ln_post', 'encoder/layer_norm');
  add('decoder.positional_embedding', 'decoder/position_encodings/encodings', { type: 'f32' });
  add('decoder.token_embedding.weight', 'decoder/embeddings/weight');
  for (let i = 0; i < dimensions.textLayers; i++) {
    const block = `decoder.blocks.${i}`;
    const cross = `decoder/layer_${i}/attention`;
    selfAttention(block, `decoder/layer_${i}/self_attention`);
    linear(`${block}.cross_attn.query`, `${cross}/linear_0`);
    add(`${block}.cross_attn.key.weight`, `${cross}/linear_1/weight`, { part: 0, of: 2 });
    linear(`${block}.cross_attn.value`, `${cross}/linear_1`, { part: 1, of: 2 });
    linear(`${block}.cross_attn.out`, `${cross}/linear_2`);
    norm(`${block}.cross_attn_ln`, `${cross}/layer_norm`);
    feedForward(block, `decoder/layer_${i}/ffn`);
  }
  norm('decoder.ln', 'decoder/layer_norm');
  return plans;
}

interface AddOptions {
  readonly type?: GgmlType;
  readonly part?: number;
  readonly of?: number;
  readonly column?: boolean;
}

async function writeTensor(
  source: Ct2File,
  writer: HashingWriter,
  tensor: TensorPlan,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { variable } = tensor;
  const size = variable.type === CT2_TYPES.float32 ? 4 : 2;
  if (variable.type !== CT2_TYPES.float32 && variable.type !== CT2_TYPES.float16)
    throw new ModelError(
      'bad-model',
      `model.bin: ${variable.name} is quantized; only float16 and float32 weights are converted.`,
    );
  await writer.write(ggmlTensorHeader(tensor.name, tensor.type, tensor.dims));
  for (let done = 0; done < tensor.values; ) {
    if (signal?.aborted) throw new ModelError('interrupted', 'The conversion was stopped.', { cause: signal.reason });
    const count = Math.min(tensor.values - done, PIECE / size);
    const data = await source.read(tensor.offset + done * size, count * size);
    await writer.write(inType(data, size === 4, tensor.type === 'f32'));
    done += count;
  }
}

function inType(data: Buffer, isFloat: boolean, wantFloat: boolean): Buffer {
  if (isFloat === wantFloat) return data;
  if (wantFloat) {
    const out = Buffer.allocUnsafe(data.length * 2);
    for (let i = 0; i < data.length; i += 2) out.writeFloatLE(FLOAT_OF_HALF[data.readUInt16LE(i)] ?? 0, i * 2);
    return out;
  }
  const out = Buffer.allocUnsafe(data.length / 2);
  for (let i = 0; i < data.length; i += 4) out.writeUInt16LE(halfOfFloat(data.readFloatLE(i)), i / 2);
  return out;
}

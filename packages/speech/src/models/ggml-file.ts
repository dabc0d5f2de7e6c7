import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { ModelError } from './model-error.js';

/**
 * whisper.cpp's model file, little-endian: `u32 magic`, eleven i32 of dimensions and file type, the mel filter bank
 * (`i32 rows, cols`, f32 data), the tokens (`i32 count`, then `i32 length, bytes` each), then tensors to the end
 * (`i32 rank, name length, type`, dims with the fastest first, name, data).
 */
const MAGIC = 0x67676d6c;

/** ggml's tensor types that occur in Whisper files, and how many bytes a block of how many values takes. */
export const GGML_TYPES = {
  f32: { id: 0, values: 1, bytes: 4 },
  f16: { id: 1, values: 1, bytes: 2 },
  q4_0: { id: 2, values: 32, bytes: 18 },
  q4_1: { id: 3, values: 32, bytes: 20 },
  q5_0: { id: 6, values: 32, bytes: 22 },
  q5_1: { id: 7, values: 32, bytes: 24 },
  q8_0: { id: 8, values: 32, bytes: 34 },
  bf16: { id: 30, values: 1, bytes: 2 },
} as const;
export type GgmlType = keyof typeof GGML_TYPES;

/** `ftype` of the header. Quantized files add 1000 times the version (2) of the quantization formats. */
const FILE_TYPES: Record<number, GgmlType> = {
  0: 'f32',
  1: 'f16',
  2: 'q4_0',
  3: 'q4_1',
  7: 'q8_0',
  8: 'q5_0',
  9: 'q5_1',
  24: 'bf16',
};
const QUANTIZATION_VERSION = 2000;

export interface ModelDimensions {
  readonly vocabulary: number;
  readonly audioContext: number;
  readonly audioState: number;
  readonly audioHeads: number;
  readonly audioLayers: number;
  readonly textContext: number;
  readonly textState: number;
  readonly textHeads: number;
  readonly textLayers: number;
  readonly mels: number;
}

export interface GgmlTensor {
  readonly name: string;
  readonly type: GgmlType;
  /** Fastest-moving dimension first, as ggml has it. */
  readonly dims: readonly number[];
  readonly offset: number;
  readonly bytes: number;
}

export interface GgmlFile {
  readonly dimensions: ModelDimensions;
  readonly type: GgmlType;
  /** Where the mel filters begin: what follows the eleven numbers, up to the first tensor, is the same in all types. */
  readonly tablesOffset: number;
  readonly tensorsOffset: number;
  readonly tensors: readonly GgmlTensor[];
  readonly bytes: number;
}

const DIMENSION_ORDER = [
  'vocabulary',
  'audioContext',
  'audioState',
  'audioHeads',
  'audioLayers',
  'textContext',
  'textState',
  'textHeads',
  'textLayers',
  'mels',
] as const satisfies readonly (keyof ModelDimensions)[];

/** The first 48 bytes of a file. */
export function ggmlHeader(dimensions: ModelDimensions, type: GgmlType): Buffer {
  const header = Buffer.alloc(48);
  header.writeUInt32LE(MAGIC, 0);
  DIMENSION_ORDER.forEach((key, i) => {
    header.writeInt32LE(dimensions[key], 4 + 4 * i);
  });
  const id = Number(Object.entries(FILE_TYPES).find(([, it]) => it === type)?.[0]);
  header.writeInt32LE(type.startsWith('q') ? QUANTIZATION_VERSION + id : id, 44);
  return header;
}

/** What stands before a tensor's data. */
export function ggmlTensorHeader(name: string, type: GgmlType, dims: readonly number[]): Buffer {
  const bytes = Buffer.from(name, 'utf8');
  const header = Buffer.alloc(12 + 4 * dims.length);
  header.writeInt32LE(dims.length, 0);
  header.writeInt32LE(bytes.length, 4);
  header.writeInt32LE(GGML_TYPES[type].id, 8);
  dims.forEach((dim, i) => {
    header.writeInt32LE(dim, 12 + 4 * i);
  });
  return Buffer.concat([header, bytes]);
}

/** Bytes that a tensor takes. */
export function ggmlTensorBytes(type: GgmlType, dims: readonly number[]): number {
  const { values, bytes } = GGML_TYPES[type];
  return (dims.reduce((product, dim) => product * dim, 1) / values) * bytes;
}

/**
 * Reads a file's header and walks over its tensors without reading their data. Its end must be the end of the last
 * tensor, so a file that was cut short or has something appended is found here, whatever its checksum should be.
 *
 * @throws {ModelError} bad-model saying what does not fit
 */
export async function readGgml(path: string): Promise<GgmlFile> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    return await walk(handle, size);
  } catch (error) {
    if (error instanceof ModelError && error.code === 'bad-model')
      throw new ModelError('bad-model', `${path} is not a whole Whisper model: ${error.message}`, { cause: error });
    throw error;
  } finally {
    await handle.close();
  }
}

async function walk(handle: FileHandle, size: number): Promise<GgmlFile> {
  let offset = 0;
  const take = async (length: number): Promise<Buffer> => {
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await handle.read(buffer, 0, length, offset);
    if (bytesRead < length) throw new ModelError('bad-model', `it ends too early, at byte ${size}.`);
    offset += length;
    return buffer;
  };
  const int = async (max: number, what: string): Promise<number> => {
    const value = (await take(4)).readInt32LE();
    if (value < 0 || value > max) throw new ModelError('bad-model', `${value} is no ${what}.`);
    return value;
  };

  if ((await take(4)).readUInt32LE() !== MAGIC)
    throw new ModelError('bad-model', 'it does not begin with ggml’s magic number.');
  const values: number[] = [];
  for (const key of DIMENSION_ORDER) values.push(await int(1_000_000, key));
  const dimensions = Object.fromEntries(
    DIMENSION_ORDER.map((key, i) => [key, values[i]]),
  ) as unknown as ModelDimensions;
  const type = FILE_TYPES[(await int(100_000, 'file type')) % 1000];
  if (type === undefined) throw new ModelError('bad-model', 'its number format is not known.');
  const tablesOffset = offset;
  const filters = (await int(1024, 'number of mel bands')) * (await int(4096, 'number of FFT bins'));
  offset += 4 * filters;
  const tokens = await int(100_000, 'number of tokens');
  // Read in one go: fifty thousand small reads would take seconds.
  const table = Buffer.alloc(Math.min(4_000_000, Math.max(0, size - offset)));
  await handle.read(table, 0, table.length, offset);
  let at = 0;
  for (let i = 0; i < tokens; i++) {
    const length = at + 4 <= table.length ? table.readInt32LE(at) : -1;
    if (length < 0 || length > 1024) throw new ModelError('bad-model', `its token ${i} is damaged.`);
    at += 4 + length;
  }
  offset += at;
  const tensorsOffset = offset;
  const tensors: GgmlTensor[] = [];
  while (offset < size) {
    const rank = await int(4, 'rank of a tensor');
    const nameLength = await int(256, 'length of a tensor’s name');
    const typeId = await int(100, 'type of a tensor');
    const tensorType = (Object.keys(GGML_TYPES) as GgmlType[]).find((it) => GGML_TYPES[it].id === typeId);
    if (tensorType === undefined) throw new ModelError('bad-model', `tensor type ${typeId} is not known.`);
    const dims: number[] = [];
    for (let d = 0; d < rank; d++) dims.push(await int(10_000_000, 'dimension'));
    const name = (await take(nameLength)).toString('utf8');
    const bytes = ggmlTensorBytes(tensorType, dims);
    tensors.push({ name, type: tensorType, dims, offset, bytes });
    offset += bytes;
    if (offset > size) throw new ModelError('bad-model', `${name} ends at byte ${offset}, the file at ${size}.`);
  }
  const expected = tensorCount(dimensions);
  if (tensors.length !== expected)
    throw new ModelError('bad-model', `it has ${tensors.length} tensors where ${expected} are expected.`);
  return { dimensions, type, tablesOffset, tensorsOffset, tensors, bytes: size };
}

/** Tensors of a Whisper model: 7 + 15 a layer in the encoder, 4 + 24 a layer in the decoder. */
function tensorCount({ audioLayers, textLayers }: ModelDimensions): number {
  return 7 + 15 * audioLayers + 4 + 24 * textLayers;
}

/** Appends to a file, counts, and takes the SHA-256 as it goes, so that nothing is read again. */
export class HashingWriter {
  readonly #handle: FileHandle;
  readonly #hash = createHash('sha256');
  #bytes = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(data: Uint8Array): Promise<void> {
    this.#hash.update(data);
    let done = 0;
    while (done < data.length) {
      const { bytesWritten } = await this.#handle.write(data, done, data.length - done);
      done += bytesWritten;
    }
    this.#bytes += data.length;
  }

  sha256(): string {
    return this.#hash.digest('hex');
  }
}

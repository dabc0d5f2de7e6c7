import { type FileHandle, open } from 'node:fs/promises';
import { ModelError } from './model-error.js';

/** Numbers as CTranslate2 stores them, and bytes each. */
export const CT2_TYPES = { float32: 0, int8: 1, int16: 2, int32: 3, float16: 4 } as const;
const BYTES_OF_TYPE: Record<number, number> = { 0: 4, 1: 1, 2: 2, 3: 4, 4: 2 };

export interface Ct2Variable {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type: number;
  /** Where its data begins in the file, and how long it is. */
  readonly offset: number;
  readonly bytes: number;
}

/**
 * A CTranslate2 model.bin (binary version 6), given as the files that it was cut into, in order.
 * Layout, little-endian: `u32 version; str spec; u32 revision; u32 n`, then n variables of `str name; u8 rank;
 * u32 dims[rank]; u8 type; u32 bytes; data`. `str` is a u16 length that counts a closing NUL, then the bytes.
 * Only the table is read at first; {@link read} takes data as needed, so memory stays flat for any size.
 */
export class Ct2File {
  readonly variables: ReadonlyMap<string, Ct2Variable>;
  readonly #parts: readonly Part[];

  private constructor(parts: readonly Part[], variables: ReadonlyMap<string, Ct2Variable>) {
    this.#parts = parts;
    this.variables = variables;
  }

  /** @throws {ModelError} bad-model when it is not such a file */
  static async open(paths: readonly string[]): Promise<Ct2File> {
    const parts: Part[] = [];
    try {
      let start = 0;
      for (const path of paths) {
        const handle = await open(path, 'r');
        const { size } = await handle.stat();
        parts.push({ handle, start, size });
        start += size;
      }
      return new Ct2File(parts, await readTable(new Cursor(parts, start)));
    } catch (error) {
      await closeAll(parts);
      throw error;
    }
  }

  /** A variable by its name. @throws {ModelError} bad-model when there is none */
  variable(name: string): Ct2Variable {
    const variable = this.variables.get(name);
    if (variable === undefined) throw new ModelError('bad-model', `model.bin has no variable ${name}.`);
    return variable;
  }

  /** Bytes of the file, from `offset` on. */
  async read(offset: number, length: number): Promise<Buffer> {
    return await readParts(this.#parts, offset, length);
  }

  async close(): Promise<void> {
    await closeAll(this.#parts);
  }
}

interface Part {
  readonly handle: FileHandle;
  readonly start: number;
  readonly size: number;
}

async function closeAll(parts: readonly Part[]): Promise<void> {
  for (const part of parts) await part.handle.close();
}

async function readParts(parts: readonly Part[], offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const at = offset + done;
    const part = parts.find((it) => at >= it.start && at < it.start + it.size);
    if (part === undefined) throw new ModelError('bad-model', `model.bin ends too early, at byte ${at}.`);
    const wanted = Math.min(length - done, part.start + part.size - at);
    const { bytesRead } = await part.handle.read(buffer, done, wanted, at - part.start);
    if (bytesRead === 0) throw new ModelError('bad-model', `model.bin ends too early, at byte ${at}.`);
    done += bytesRead;
  }
  return buffer;
}

/** Reads small fields one after another through a window, since the table is scattered between the data. */
class Cursor {
  #offset = 0;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  readonly #parts: readonly Part[];
  readonly #size: number;

  constructor(parts: readonly Part[], size: number) {
    this.#parts = parts;
    this.#size = size;
  }

  get offset(): number {
    return this.#offset;
  }

  async take(length: number): Promise<Buffer> {
    const from = this.#offset - this.#windowStart;
    if (from < 0 || from + length > this.#window.length) {
      this.#window = await readParts(
        this.#parts,
        this.#offset,
        Math.max(length, Math.min(4096, this.#size - this.#offset)),
      );
      this.#windowStart = this.#offset;
    }
    const start = this.#offset - this.#windowStart;
    this.#offset += length;
    return this.#window.subarray(start, start + length);
  }

  async u8(): Promise<number> {
    return (await this.take(1)).readUInt8();
  }
  async u32(): Promise<number> {
    return (await this.take(4)).readUInt32LE();
  }
  async str(): Promise<string> {
    const length = (await this.take(2)).readUInt16LE();
    return (await this.take(length)).toString('utf8').replace(/\0$/, '');
  }
  skip(length: number): void {
    this.#offset += length;
    if (this.#offset > this.#size)
      throw new ModelError(
        'bad-model',
        `model.bin ends too early: ${this.#offset} bytes announced, ${this.#size} there.`,
      );
  }
}

async function readTable(cursor: Cursor): Promise<Map<string, Ct2Variable>> {
  const version = await cursor.u32();
  if (version !== 6) throw new ModelError('bad-model', `model.bin has format version ${version}; only 6 is known.`);
  const spec = await cursor.str();
  if (spec !== 'WhisperSpec')
    throw new ModelError('bad-model', `model.bin holds ${JSON.stringify(spec)}, not Whisper.`);
  await cursor.u32();
  const count = await cursor.u32();
  const variables = new Map<string, Ct2Variable>();
  for (let i = 0; i < count; i++) {
    const name = await cursor.str();
    const rank = await cursor.u8();
    const dims: number[] = [];
    for (let d = 0; d < rank; d++) dims.push(await cursor.u32());
    const type = await cursor.u8();
    const bytes = await cursor.u32();
    const expected = dims.reduce((product, dim) => product * dim, 1) * (BYTES_OF_TYPE[type] ?? Number.NaN);
    if (bytes !== expected)
      throw new ModelError('bad-model', `model.bin: ${name} has ${bytes} bytes where ${expected} are expected.`);
    variables.set(name, { name, dims, type, offset: cursor.offset, bytes });
    cursor.skip(bytes);
  }
  return variables;
}

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createDeflateRaw } from 'node:zlib';

export interface ZipEntry {
  readonly name: string;
  readonly pieces: AsyncIterable<string>;
}

/** Deflate may depend on where its input is cut: equal blocks give equal bytes however the pieces come. */
const BLOCK = 64 * 1024;
const DEFLATED = 8;
/** Sizes stand behind the data, and names are UTF-8. */
const FLAGS = 0x0808;
const VERSION = 20;
/** 1 January 1980, the first day that ZIP knows: the same content is the same file. */
const DATE = 0x0021;

interface Stored {
  name: Buffer;
  offset: number;
  crc: number;
  packed: number;
  bytes: number;
}

/**
 * A ZIP file, as it becomes: nothing of it is in memory but a block. PKWARE's APPNOTE 4.3, without ZIP64: a text that
 * packs to 4 GiB is refused.
 */
export async function* zipOf(entries: readonly ZipEntry[]): AsyncGenerator<Buffer> {
  const stored: Stored[] = [];
  let at = 0;
  const sent = (bytes: Buffer): Buffer => {
    at += bytes.length;
    if (at > 0xffff_ffff) throw new RangeError('A ZIP file ends at 4 GiB.');
    return bytes;
  };
  for (const { name, pieces } of entries) {
    const entry: Stored = { name: Buffer.from(name), offset: at, crc: 0, packed: 0, bytes: 0 };
    yield sent(Buffer.concat([localHeader(entry), entry.name]));
    for await (const chunk of packed(pieces, entry)) yield sent(chunk);
    yield sent(record(0x08074b50, [], [entry.crc, entry.packed, entry.bytes]));
    stored.push(entry);
  }
  const directoryAt = at;
  for (const entry of stored) yield sent(Buffer.concat([centralHeader(entry), entry.name]));
  const size = at - directoryAt;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(stored.length, 8);
  end.writeUInt16LE(stored.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(directoryAt, 16);
  yield sent(end);
}

async function* packed(pieces: AsyncIterable<string>, entry: Stored): AsyncGenerator<Buffer> {
  const deflate = createDeflateRaw();
  const done = pipeline(Readable.from(blocksOf(pieces, entry)), deflate);
  // Its failure also ends the loop below; without this it would be nobody's.
  done.catch(() => undefined);
  for await (const chunk of deflate as AsyncIterable<Buffer>) {
    entry.packed += chunk.length;
    yield chunk;
  }
  await done;
}

async function* blocksOf(pieces: AsyncIterable<string>, entry: Stored): AsyncGenerator<Buffer> {
  let open = Buffer.alloc(0);
  const counted = (block: Buffer): Buffer => {
    entry.crc = crc32(block, entry.crc);
    entry.bytes += block.length;
    return block;
  };
  for await (const piece of pieces) {
    open = Buffer.concat([open, Buffer.from(piece)]);
    while (open.length >= BLOCK) {
      yield counted(open.subarray(0, BLOCK));
      open = open.subarray(BLOCK);
    }
  }
  if (open.length > 0) yield counted(open);
}

/** A signature, then numbers of two and of four bytes. */
function record(signature: number, shorts: readonly number[], longs: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 + 2 * shorts.length + 4 * longs.length);
  bytes.writeUInt32LE(signature, 0);
  shorts.forEach((value, i) => {
    bytes.writeUInt16LE(value, 4 + 2 * i);
  });
  longs.forEach((value, i) => {
    bytes.writeUInt32LE(value, 4 + 2 * shorts.length + 4 * i);
  });
  return bytes;
}

function localHeader({ name }: Stored): Buffer {
  return Buffer.concat([
    record(0x04034b50, [VERSION, FLAGS, DEFLATED, 0, DATE], [0, 0, 0]),
    shortsOf([name.length, 0]),
  ]);
}

function centralHeader({ name, crc, packed: packedBytes, bytes, offset }: Stored): Buffer {
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(offset, 4);
  return Buffer.concat([
    record(0x02014b50, [VERSION, VERSION, FLAGS, DEFLATED, 0, DATE], [crc, packedBytes, bytes]),
    shortsOf([name.length, 0, 0, 0, 0]),
    tail,
  ]);
}

function shortsOf(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, i) => {
    bytes.writeUInt16LE(value, 2 * i);
  });
  return bytes;
}

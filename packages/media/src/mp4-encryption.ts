import { type FileHandle, open } from 'node:fs/promises';

/** Boxes on the way from the file to the sample descriptions (ISO/IEC 14496-12 §8.5.2). */
const CONTAINERS = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl']);
/** Sample entries of protected sound: Common Encryption (ISO/IEC 23001-7), and Apple's FairPlay. */
const PROTECTED = new Set(['enca', 'drms', 'p608', 'aavd']);
const MAX_BOXES = 10_000;

/**
 * The protected sample entry of an MP4's first sound track that has one; undefined for a file that is not protected or no MP4 at all.
 * ffmpeg copies encrypted packets as if nothing were wrong and then "decodes" noise, so the index is read here.
 * Reads box headers only, each box once.
 */
export async function protectionOfMp4(path: string): Promise<string | undefined> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    return await scan(file, 0, size, { boxes: 0 });
  } finally {
    await file.close();
  }
}

async function scan(
  file: FileHandle,
  from: number,
  to: number,
  budget: { boxes: number },
): Promise<string | undefined> {
  for (let at = from; at + 8 <= to; ) {
    budget.boxes += 1;
    if (budget.boxes > MAX_BOXES) return undefined;
    const header = await read(file, at, 16);
    if (header.length < 8) return undefined;
    const type = header.toString('latin1', 4, 8);
    const short = header.readUInt32BE(0);
    const long = short === 1;
    if (long && header.length < 16) return undefined;
    const declared = long ? Number(header.readBigUInt64BE(8)) : short === 0 ? to - at : short;
    const headerBytes = long ? 16 : 8;
    if (declared < headerBytes) return undefined;
    const end = Math.min(at + declared, to);
    if (type === 'stsd') {
      const entry = await protectedEntry(file, at + headerBytes + 8, end);
      if (entry !== undefined) return entry;
    } else if (CONTAINERS.has(type)) {
      const entry = await scan(file, at + headerBytes, end, budget);
      if (entry !== undefined) return entry;
    }
    at = end;
  }
  return undefined;
}

async function protectedEntry(file: FileHandle, from: number, to: number): Promise<string | undefined> {
  for (let at = from, entries = 0; at + 8 <= to && entries < 64; entries += 1) {
    const header = await read(file, at, 8);
    if (header.length < 8) return undefined;
    const type = header.toString('latin1', 4, 8);
    if (PROTECTED.has(type)) return type;
    const bytes = header.readUInt32BE(0);
    if (bytes < 8) return undefined;
    at += bytes;
  }
  return undefined;
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

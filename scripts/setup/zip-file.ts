import { inflateRawSync } from 'node:zlib';

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const END_BYTES = 22;
const LONGEST_COMMENT = 65_535;
const DEFLATED = 8;

/**
 * One file out of a zip archive below 4 GiB that is whole in memory, as its central directory describes it.
 * @param name with its directories, such as `helm/helm`
 * @throws Error when this is no zip archive, or has no such file
 */
export function fileOfZip(zip: Buffer, name: string): Buffer {
  let entry = zip.readUInt32LE(endOf(zip) + 16);
  while (entry + 46 <= zip.length && zip.readUInt32LE(entry) === ENTRY) {
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((at) => zip.readUInt16LE(entry + at)) as [
      number,
      number,
      number,
    ];
    if (zip.toString('utf8', entry + 46, entry + 46 + nameBytes) === name) return contentOf(zip, entry);
    entry += 46 + nameBytes + extraBytes + commentBytes;
  }
  throw new Error(`the archive has no ${name}`);
}

function endOf(zip: Buffer): number {
  const first = Math.max(0, zip.length - END_BYTES - LONGEST_COMMENT);
  for (let at = zip.length - END_BYTES; at >= first; at--) if (zip.readUInt32LE(at) === END) return at;
  throw new Error('this is no zip archive, or only a part of one');
}

function contentOf(zip: Buffer, entry: number): Buffer {
  const method = zip.readUInt16LE(entry + 10);
  const bytes = zip.readUInt32LE(entry + 20);
  const header = zip.readUInt32LE(entry + 42);
  const begin = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
  const packed = zip.subarray(begin, begin + bytes);
  return method === DEFLATED ? inflateRawSync(packed) : Buffer.from(packed);
}

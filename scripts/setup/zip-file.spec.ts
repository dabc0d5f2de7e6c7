import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { fileOfZip } from './zip-file.ts';

/** An archive as zip programs write it: entries, the central directory, its end with a comment. */
function zipOf(files: Record<string, { text: string; packed: boolean }>): Buffer {
  const entries: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, { text, packed }] of Object.entries(files)) {
    const content = packed ? deflateRawSync(text) : Buffer.from(text);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(name.length, 26);
    local.writeUInt16LE(4, 28); // extra data, which has other lengths here than in the directory
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50);
    central.writeUInt16LE(packed ? 8 : 0, 10);
    central.writeUInt32LE(content.length, 20);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt16LE(2, 30);
    central.writeUInt32LE(offset, 42);
    entries.push(local, Buffer.from(name), Buffer.alloc(4), content);
    directory.push(central, Buffer.from(name), Buffer.alloc(2));
    offset += 30 + name.length + 4 + content.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt32LE(offset, 16);
  const comment = Buffer.from('made by a test');
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...entries, ...directory, end, comment]);
}

describe('fileOfZip', () => {
  const zip = zipOf({ 'a/a': { text: 'plain', packed: false }, 'b/b': { text: 'packed '.repeat(99), packed: true } });

  it('gives a file as it was put in, stored or packed', () => {
    expect(fileOfZip(zip, 'a/a').toString()).toBe('plain');
    expect(fileOfZip(zip, 'b/b').toString()).toBe('packed '.repeat(99));
  });

  it('says what is not there, and what is no archive', () => {
    expect(() => fileOfZip(zip, 'a')).toThrow('the archive has no a');
    expect(() => fileOfZip(zip.subarray(0, 100), 'a/a')).toThrow('this is no zip archive, or only a part of one');
  });
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../test/fixtures/temporary-directory.js';
import { canonicalJson, sha256Of, sha256OfFile, sha256OfJson } from './checksum.js';

describe('canonical JSON', () => {
  it('is the same whatever the order of keys, at every depth', () => {
    const one = { b: [{ y: 1, x: 2 }], a: 'ä' };
    const other = { a: 'ä', b: [{ x: 2, y: 1 }] };
    expect(canonicalJson(one)).toBe('{"a":"ä","b":[{"x":2,"y":1}]}');
    expect(sha256OfJson(one)).toBe(sha256OfJson(other));
  });

  it('leaves out what is undefined, as a JSON document does', () => {
    expect(canonicalJson({ a: undefined, b: null, c: [undefined] })).toBe('{"b":null,"c":[null]}');
  });

  it('differs for values that differ only in type or order of a list', () => {
    const texts = [{ a: 1 }, { a: '1' }, { a: [1] }, { a: [1, 2] }, { a: [2, 1] }, { a: null }, {}].map(canonicalJson);
    expect(new Set(texts).size).toBe(texts.length);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1n, () => 1])('refuses what JSON cannot say: %s', (value) => {
    expect(() => canonicalJson({ value })).toThrow(TypeError);
  });
});

describe('the checksum of a file', () => {
  it('is the SHA-256 of its bytes, also above the size of one read', async () => {
    const path = join(await aTemporaryDirectory(), 'x');
    const bytes = Buffer.alloc(3_000_001, 'abc');
    await writeFile(path, bytes);
    expect(await sha256OfFile(path)).toBe(sha256Of(bytes));
    expect(sha256Of('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('of a missing file is "input-not-found"', async () => {
    await expect(sha256OfFile('/nowhere/x')).rejects.toThrow(expect.objectContaining({ code: 'input-not-found' }));
  });

  it('stops when it is aborted, with the reason', async () => {
    const path = join(await aTemporaryDirectory(), 'x');
    await writeFile(path, Buffer.alloc(5_000_000));
    const reason = new Error('cancelled');
    await expect(sha256OfFile(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

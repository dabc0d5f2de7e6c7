import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { RunningHashes } from './running-hashes.js';

const data = Buffer.from('ask not what your country can do for you');
const wanted = createHash('sha256').update(data).digest('hex');

describe('RunningHashes', () => {
  it('gives the checksum of a file that came in pieces', () => {
    const hashes = new RunningHashes();
    hashes.update('a', 0, data.subarray(0, 10));
    hashes.update('b', 0, Buffer.from('another file in between'));
    hashes.update('a', 10, data.subarray(10));
    expect(hashes.take('a', data.length)).toBe(wanted);
    expect(hashes.take('a', data.length)).toBeUndefined();
  });

  it.each<[string, (hashes: RunningHashes) => void]>([
    ['began before this process did', (hashes) => hashes.update('a', 10, data.subarray(10))],
    [
      'has a gap',
      (hashes) => {
        hashes.update('a', 0, data.subarray(0, 10));
        hashes.update('a', 11, data.subarray(11));
      },
    ],
    [
      'was written twice in one place',
      (hashes) => {
        hashes.update('a', 0, data.subarray(0, 10));
        hashes.update('a', 5, data.subarray(5));
      },
    ],
    [
      'had a failed write',
      (hashes) => {
        hashes.update('a', 0, data.subarray(0, 10));
        hashes.forget('a');
        hashes.update('a', 10, data.subarray(10));
      },
    ],
    ['is not complete', (hashes) => hashes.update('a', 0, data.subarray(0, 10))],
  ])('gives none for a file that %s', (_, happen) => {
    const hashes = new RunningHashes();
    happen(hashes);
    expect(hashes.take('a', data.length)).toBeUndefined();
  });
});

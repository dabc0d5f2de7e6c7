import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MainProcess } from './main-process.js';
import { begin, TUS, wav } from './tus-client.js';

const MIB = 1024 * 1024;
const PIECE = wav(MIB);

let dataDir: string;
let main: MainProcess;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mediajob-large-'));
  main = await MainProcess.start(dataDir);
});
afterAll(async () => {
  await main.kill();
  await rm(dataDir, { recursive: true, force: true });
});

/** Sends a file of `mib` MiB in one request and gives its SHA-256. */
async function upload(mib: number): Promise<{ sha256: string; location: string }> {
  const location = await begin(main.url, mib * MIB);
  const hash = createHash('sha256');
  const pieces = Readable.from(
    (function* () {
      for (let i = 0; i < mib; i++) {
        hash.update(PIECE);
        yield PIECE;
      }
    })(),
  );
  const status = await new Promise<number>((resolve, reject) => {
    const request = httpRequest(
      `${main.url}${location}`,
      {
        method: 'PATCH',
        headers: {
          ...TUS,
          'upload-offset': '0',
          'content-type': 'application/offset+octet-stream',
          'content-length': mib * MIB,
        },
      },
      (answer) => {
        answer.resume();
        answer.once('end', () => resolve(answer.statusCode ?? 0));
      },
    );
    request.on('error', reject);
    pipeline(pieces, request).catch(reject);
  });
  expect(status).toBe(204);
  return { sha256: hash.digest('hex'), location };
}

it.skipIf(process.platform !== 'linux')(
  '2 GiB in one request take no more memory than 64 MiB do, and arrive whole',
  async () => {
    await upload(64);
    const small = await main.peakRss();
    const { sha256, location } = await upload(2048);
    const large = await main.peakRss();
    console.info(
      `peak memory: ${Math.round(small / MIB)} MiB after 64 MiB, ${Math.round(large / MIB)} MiB after 2 GiB`,
    );
    // What a garbage collector may leave lying, and far less than any part of the file that could pile up.
    expect(large - small).toBeLessThan(96 * MIB);
    const info = await (await fetch(`${main.url}${location}/info`)).json();
    expect(info).toMatchObject({ complete: true, receivedBytes: 2048 * MIB, sha256 });
  },
);

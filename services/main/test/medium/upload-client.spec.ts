import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UploadStatus } from '@mediajob/contract';
import { DetailedError, Upload, type UploadOptions } from 'tus-js-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningMain, startMain } from './running-main.js';
import { wav } from './tus-client.js';

let main: RunningMain;
let directory: string;
beforeAll(async () => {
  main = await startMain({ MEDIAJOB_MAX_UPLOAD_BYTES: '64MiB' });
  directory = await mkdtemp(join(tmpdir(), 'mediajob-client-'));
});
afterAll(async () => {
  await main[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** A file as the page’s own client sends it. */
async function file(name: string, bytes: Uint8Array) {
  const path = join(directory, 'file');
  await writeFile(path, bytes);
  const options: UploadOptions = {
    endpoint: `${main.url}/api/v1/uploads`,
    metadata: { filename: name, filetype: 'audio/wav' },
    retryDelays: [10, 50, 200],
    chunkSize: 1_000_000,
    uploadSize: bytes.length,
  };
  return { path, options };
}

function run(path: string, options: UploadOptions, stopAt = Number.POSITIVE_INFINITY): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const upload = new Upload(createReadStream(path), {
      ...options,
      onSuccess: () => resolve(upload),
      onError: reject,
      onChunkComplete: (_size, accepted) => {
        if (accepted >= stopAt) void upload.abort().then(() => resolve(upload));
      },
    });
    upload.start();
  });
}

const statusOf = async (url: string | null) => UploadStatus.parse(await (await fetch(`${url}/info`)).json());

it('the client that the page uses uploads in chunks', async () => {
  const { path, options } = await file('Лекция — часть 1.wav', wav(3_500_000));
  const { url } = await run(path, options);
  expect(await statusOf(url)).toMatchObject({ complete: true, bytes: 3_500_000, fileName: 'Лекция — часть 1.wav' });
});

it('it goes on with an upload that it stopped', async () => {
  const { path, options } = await file('a.wav', wav(5_000_000));
  const stopped = await run(path, options, 2_000_000);
  const before = await statusOf(stopped.url);
  expect(before).toMatchObject({ complete: false, receivedBytes: 2_000_000 });
  const resumed = await run(path, { ...options, uploadUrl: stopped.url });
  expect(resumed.url).toBe(stopped.url);
  expect((await statusOf(resumed.url)).complete).toBe(true);
});

it('it learns why a file is refused, with what to do next', async () => {
  const { path, options } = await file('a.mp3', Buffer.from(`<!doctype html>${' '.repeat(4_000_000)}`));
  const error = await run(path, options).catch((it: unknown) => it);
  expect(error).toBeInstanceOf(DetailedError);
  const answer = (error as DetailedError).originalResponse;
  expect(answer?.getStatus()).toBe(415);
  expect(JSON.parse(answer?.getBody() ?? '')).toMatchObject({
    code: 'unsupported-media',
    detail: expect.stringContaining('Choose a recording'),
  });
});

it('it is told at once that a file is too large', async () => {
  const { path, options } = await file('a.wav', wav(10));
  const error = await run(path, { ...options, uploadSize: 65 * 1024 * 1024 }).catch((it: unknown) => it);
  expect((error as DetailedError).originalResponse?.getStatus()).toBe(413);
});

import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UploadInfo } from '@mediajob/contract';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MainProcess } from './main-process.js';
import { RawRequest } from './raw-request.js';
import { begin, idOf, offsetOf, send, wav } from './tus-client.js';

let dataDir: string;
let main: MainProcess;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mediajob-crash-'));
  main = await MainProcess.start(dataDir);
});
afterEach(async () => {
  await main.kill();
  await rm(dataDir, { recursive: true, force: true });
});

it('an upload survives kill -9 of main in the middle of a request, and is whole in the end', async () => {
  const bytes = wav(3_000_000);
  const location = await begin(main.url, bytes.length, { filename: 'talk.wav' });
  let acknowledged = 0;
  for (const end of [400_000, 900_000]) {
    expect((await send(main.url, location, acknowledged, bytes.subarray(acknowledged, end))).status).toBe(204);
    acknowledged = end;
    const cut = await RawRequest.patch(main.port, location, end, bytes.length - end);
    await cut.write(bytes.subarray(end, end + 300_000));
    await main.kill();
    main = await MainProcess.start(dataDir);
    const offset = await offsetOf(main.url, location);
    expect(offset).toBeGreaterThanOrEqual(acknowledged);
    acknowledged = offset;
  }
  expect((await send(main.url, location, acknowledged, bytes.subarray(acknowledged))).status).toBe(204);
  const directory = join(dataDir, 'uploads', idOf(location));
  const info = async () => UploadInfo.parse(JSON.parse(await readFile(join(directory, 'upload.json'), 'utf8')));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  expect(
    createHash('sha256')
      .update(await readFile(join(directory, 'source')))
      .digest('hex'),
  ).toBe(sha256);
  expect((await info()).completedAt).toBeDefined();
  await expect.poll(async () => (await info()).sha256).toBe(sha256);
});

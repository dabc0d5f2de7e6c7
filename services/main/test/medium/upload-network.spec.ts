import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UploadStatus } from '@mediajob/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RawRequest } from './raw-request.js';
import { type RunningMain, startMain } from './running-main.js';
import { begin, idOf, offsetOf, send, TUS, wav } from './tus-client.js';

const bytes = wav(50_000);
let main: RunningMain;
let location: string;

beforeEach(async () => {
  main = await startMain();
  location = await begin(main.url, bytes.length);
});
afterEach(() => main[Symbol.asyncDispose]());

/** How far the upload is on the disk, asked without touching its lock. */
const received = async () => {
  const answer = await fetch(`${main.url}${location}/info`);
  return UploadStatus.parse(await answer.json()).receivedBytes;
};
const finish = async () => {
  const offset = await offsetOf(main.url, location);
  const answer = await send(main.url, location, offset, bytes.subarray(offset));
  expect(answer.status).toBe(204);
  expect((await (await fetch(`${main.url}${location}/info`)).json()).complete).toBe(true);
};

/** The seven of tusd’s internal/e2e: whatever the network does, what came is kept and the upload goes on. */
describe('an upload goes on', () => {
  it('after its sender fell silent: it is told so, and what came is kept', async () => {
    await using hasty = await startMain({}, { uploadIdleMs: 150 });
    const silent = await begin(hasty.url, bytes.length);
    const request = await RawRequest.patch(hasty.port, silent, 0, bytes.length);
    await request.write(bytes.subarray(0, 20_000));
    const { status, body, headers } = await request.answer();
    expect(status).toBe(503);
    expect(JSON.parse(body)).toMatchObject({
      code: 'busy',
      detail: expect.stringContaining('What has arrived is kept'),
    });
    expect(headers).toMatch(/retry-after: 1/i);
    expect(await offsetOf(hasty.url, silent)).toBe(20_000);
    request.socket.destroy();
  });

  it('after its connection was closed in the middle', async () => {
    const request = await RawRequest.patch(main.port, location, 0, bytes.length);
    await request.write(bytes.subarray(0, 20_000));
    await expect.poll(received).toBe(20_000);
    request.socket.end();
    request.socket.destroy();
    await finish();
  });

  it('after its connection was closed to one side in the middle', async () => {
    const request = await RawRequest.patch(main.port, location, 0, bytes.length);
    await request.write(bytes.subarray(0, 20_000));
    await expect.poll(received).toBe(20_000);
    request.socket.end();
    await request.closed();
    expect(await offsetOf(main.url, location)).toBe(20_000);
    await finish();
  });

  it('after its connection was reset', async () => {
    const request = await RawRequest.patch(main.port, location, 0, bytes.length);
    await request.write(bytes.subarray(0, 20_000));
    await expect.poll(received).toBe(20_000);
    request.socket.resetAndDestroy();
    expect(await offsetOf(main.url, location)).toBe(20_000);
    await finish();
  });

  it('while its own dead request still holds the lock', async () => {
    const dead = await RawRequest.patch(main.port, location, 0, bytes.length);
    await dead.write(bytes.subarray(0, 20_000));
    await expect.poll(received).toBe(20_000);
    expect(await offsetOf(main.url, location)).toBe(20_000);
    // The dead one has been ended, not only passed over: nothing of it may be written any more.
    await dead.closed();
    await dead.write(bytes.subarray(0, 10_000));
    await finish();
  });

  it('after more bytes came than it said', async () => {
    const request = await RawRequest.patch(main.port, location, 0);
    await request.writeChunk(bytes.subarray(0, 30_000));
    await expect.poll(received).toBe(30_000);
    await request.writeChunk(wav(30_000));
    await request.write('0\r\n\r\n');
    const { status, body } = await request.answer();
    expect([status, JSON.parse(body).code]).toEqual([413, 'upload-too-large']);
    expect(await offsetOf(main.url, location)).toBe(30_000);
    await finish();
  });

  it('after main was stopped in the middle: the sender is told, and what came is kept', async () => {
    const request = await RawRequest.patch(main.port, location, 0, bytes.length);
    await request.write(bytes.subarray(0, 20_000));
    await expect.poll(received).toBe(20_000);
    const stopping = main.service.stop('test');
    const { status, body } = await request.answer();
    expect([status, JSON.parse(body).code]).toEqual([503, 'shutting-down']);
    await stopping;
    const dataDir = main.dataDir;
    main = await startMain({}, { dataDir });
    expect(await offsetOf(main.url, location)).toBe(20_000);
    await finish();
  });
});

it('an upload that is removed while it arrives is gone, and its sender is told', async () => {
  const request = await RawRequest.patch(main.port, location, 0, bytes.length);
  await request.write(bytes.subarray(0, 20_000));
  await expect.poll(received).toBe(20_000);
  expect((await fetch(`${main.url}${location}`, { method: 'DELETE', headers: TUS })).status).toBe(204);
  await request.closed();
  await expect(stat(join(main.dataDir, 'uploads', idOf(location)))).rejects.toThrow('ENOENT');
  expect((await fetch(`${main.url}${location}`, { method: 'HEAD', headers: TUS })).status).toBe(404);
});

it('a refusal in the middle of a body is read by its sender, who may still be sending', async () => {
  const large = await begin(main.url, 20_000_000);
  const request = await RawRequest.patch(main.port, large, 0, 20_000_000);
  await request.write(Buffer.from(`<!doctype html>${' '.repeat(10_000)}`));
  const { status, body } = await request.answer();
  expect([status, JSON.parse(body).code]).toEqual([415, 'unsupported-media']);
  // The connection stands until the sender is done, so that no reset swallows the answer.
  for (let i = 0; i < 20; i++) await request.write(Buffer.alloc(500_000));
  expect(request.socket.destroyed).toBe(false);
  request.socket.destroy();
});

import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileServer, startFileServer } from '../../test/fixtures/file-server.js';
import { download } from './download.js';

const content = randomBytes(300_000);
let server: FileServer;
let directory: string;
let path: string;
let url: string;

beforeEach(async () => {
  server = await startFileServer({ file: content });
  directory = await mkdtemp(join(tmpdir(), 'download-'));
  path = join(directory, 'file.partial');
  url = `${server.url}/file`;
});
afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true, force: true });
});
const options = { bytes: content.length, pauseMs: 1 };
const arrived = async () => (await readFile(path)).equals(content);

describe('a download', () => {
  it('brings the file and says how far it is', async () => {
    const seen: [number, number | undefined][] = [];
    await download(url, path, { ...options, onProgress: (bytes, total) => seen.push([bytes, total]) });
    expect(await arrived()).toBe(true);
    expect(seen.at(-1)).toEqual([content.length, content.length]);
  });

  it('goes on where an earlier process stopped', async () => {
    await writeFile(path, content.subarray(0, 123_456));
    await download(url, path, options);
    expect(await arrived()).toBe(true);
    expect(server.ranges).toEqual(['bytes=123456-']);
  });

  it('asks for nothing when all is there', async () => {
    await writeFile(path, content);
    await download(url, path, options);
    expect(server.ranges).toEqual([]);
  });

  it('survives connections that are cut again and again, as long as each brings something', async () => {
    for (let i = 0; i < 8; i++) server.faults.push({ kind: 'cut', after: 30_000 });
    await download(url, path, options);
    expect(await arrived()).toBe(true);
    expect(server.ranges.length).toBeGreaterThan(4);
    expect(server.ranges.at(-1)).toMatch(/^bytes=[1-9]/);
  });

  it('gives up a connection that stands still and opens it again', async () => {
    server.faults.push({ kind: 'stall', after: 50_000 });
    await download(url, path, { ...options, stallMs: 200 });
    expect(await arrived()).toBe(true);
    expect(server.ranges).toHaveLength(2);
  });

  it('begins anew with a server that knows no ranges', async () => {
    await writeFile(path, Buffer.alloc(1000));
    server.faults.push({ kind: 'no-range' });
    await download(url, path, options);
    expect(await arrived()).toBe(true);
  });

  it('tries again when the server is overloaded', async () => {
    server.faults.push({ kind: 'status', status: 503 }, { kind: 'status', status: 429 });
    await download(url, path, options);
    expect(await arrived()).toBe(true);
  });

  it('gives up when attempts bring nothing', async () => {
    for (let i = 0; i < 20; i++) server.faults.push({ kind: 'status', status: 500 });
    await expect(download(url, path, options)).rejects.toThrow(/answered 500/);
    expect(server.ranges).toHaveLength(4);
  });

  it.each([401, 403, 404, 410])('does not ask again after %i', async (status) => {
    server.faults.push({ kind: 'status', status });
    await expect(download(url, path, options)).rejects.toMatchObject({ code: 'no-source' });
    expect(server.ranges).toHaveLength(1);
  });

  it('refuses a file of another size before it takes a byte', async () => {
    await expect(download(url, path, { ...options, bytes: 299_999 })).rejects.toThrow(/300000 bytes where 299999/);
  });

  it('says that nobody answers, at once', async () => {
    await server.close();
    await expect(download(url, path, { ...options, pauseMs: 1e9 })).rejects.toMatchObject({
      code: 'no-source',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('stops when it is told to, and keeps what it has', async () => {
    const stop = new AbortController();
    server.faults.push({ kind: 'stall', after: 65_536 });
    const running = download(url, path, { ...options, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    expect((await readFile(path)).equals(content.subarray(0, 65_536))).toBe(true);
  });

  it('says what to do when the file cannot be written', async () => {
    await expect(download(url, join(directory, 'no', 'file'), options)).rejects.toMatchObject({
      code: 'input-not-found',
    });
  });
});

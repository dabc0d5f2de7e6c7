import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UploadInfo } from '@mediajob/contract';
import { afterEach, beforeEach, describe, expect, it, onTestFailed, vi } from 'vitest';
import { type RunningMain, startMain } from './running-main.js';
import { begin, idOf, offsetOf, send, wav } from './tus-client.js';

const MIB = 1024 * 1024;
const root = process.getuid?.() === 0;
if (!root && process.env.CI === 'true')
  throw new Error('These tests mount a tmpfs: run them as root (sudo npm run test:medium).');

/** A disk of 4 MiB. Run as root: `sudo npm run test:medium`. */
describe.skipIf(!root)('on a disk that is full', () => {
  let disk: string;
  let main: RunningMain;

  const start = async (environment: Record<string, string> = {}) => {
    main = await startMain(environment, { dataDir: disk });
  };
  beforeEach(async () => {
    disk = await mkdtemp(join(tmpdir(), 'mediajob-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk]);
  });
  afterEach(async () => {
    await main[Symbol.asyncDispose]();
    execFileSync('umount', ['-l', disk]);
    await rm(disk, { recursive: true, force: true });
  });

  it('an upload that cannot fit is refused at once with 507, and nothing of it is left', async () => {
    await start();
    await expect(begin(main.url, 5 * MIB)).rejects.toThrow(/507.*storage-full/);
    expect(await readdir(join(disk, 'uploads'))).toEqual([]);
    expect(await main.metric('media_upload_refused_total', { reason: 'disk' })).toBe(1);
  });

  it('the reserve stays free', async () => {
    await start({ MEDIAJOB_RESERVE_BYTES: '2MiB' });
    await expect(begin(main.url, 2.5 * MIB)).rejects.toThrow(/507/);
    await begin(main.url, 1 * MIB);
  });

  it('what other uploads have still to bring counts, too', async () => {
    await start();
    await begin(main.url, 3 * MIB);
    await expect(begin(main.url, 2 * MIB)).rejects.toThrow(/507/);
  });

  it('a disk that fills up in the middle loses nothing: 507, then the upload goes on when there is room', async () => {
    await start();
    const bytes = wav(3 * MIB);
    const location = await begin(main.url, bytes.length, { filename: 'a.wav' });
    expect((await send(main.url, location, 0, bytes.subarray(0, MIB))).status).toBe(204);
    await writeFile(join(disk, 'somebody-else'), Buffer.alloc(2 * MIB));
    const answer = await send(main.url, location, MIB, bytes.subarray(MIB));
    expect(answer.status).toBe(507);
    expect(await answer.json()).toMatchObject({
      code: 'storage-full',
      detail: expect.stringContaining('What has arrived is kept'),
    });
    expect(answer.headers.get('retry-after')).toBe('60');
    const kept = await offsetOf(main.url, location);
    expect(kept).toBeGreaterThanOrEqual(MIB);
    await rm(join(disk, 'somebody-else'));
    expect((await send(main.url, location, kept, bytes.subarray(kept))).status).toBe(204);
    const directory = join(disk, 'uploads', idOf(location));
    const info = UploadInfo.parse(JSON.parse(await readFile(join(directory, 'upload.json'), 'utf8')));
    expect(info.completedAt).toBeDefined();
    const stored = createHash('sha256')
      .update(await readFile(join(directory, 'source')))
      .digest('hex');
    expect(stored).toBe(createHash('sha256').update(bytes).digest('hex'));
    // The checksum is worked out in the background and written beside: only then is nothing in the making.
    await vi.waitFor(async () => expect((await readdir(directory)).sort()).toEqual(['source', 'upload.json']), 30_000);
  });

  it('a full disk at the very end does not make an upload look complete that is not', async () => {
    await start();
    const bytes = wav(MIB);
    const location = await begin(main.url, bytes.length);
    const first = bytes.length - 4096;
    expect((await send(main.url, location, 0, bytes.subarray(0, first))).status).toBe(204);
    // Room for the last page of the file, and none for upload.json after it.
    const free = await fillUp(disk, 4096);
    onTestFailed(() => console.error({ free }));
    const last = await send(main.url, location, first, bytes.subarray(first));
    expect(last.status).toBe(507);
    const head = await fetch(`${main.url}${location}`, { method: 'HEAD', headers: { 'tus-resumable': '1.0.0' } });
    expect(head.status).toBe(507);
    expect((await (await fetch(`${main.url}${location}/info`)).json()).complete).toBe(false);
    await rm(join(disk, 'somebody-else'));
    expect(await offsetOf(main.url, location)).toBe(bytes.length);
    expect((await (await fetch(`${main.url}${location}/info`)).json()).complete).toBe(true);
  });
});

/** Fills the disk up to `leave` bytes. */
async function fillUp(disk: string, leave: number): Promise<number> {
  const { statfs } = await import('node:fs/promises');
  const free = async () => {
    const { bavail, bsize } = await statfs(disk);
    return bavail * bsize;
  };
  await writeFile(join(disk, 'somebody-else'), Buffer.alloc((await free()) - leave));
  return free();
}

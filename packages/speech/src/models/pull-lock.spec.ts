import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { takeLock } from './pull-lock.js';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lock-'));
  path = join(directory, 'pull', 'base.lock');
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});
const quick = { pollMs: 1 };

async function leave(text: string): Promise<void> {
  const release = await takeLock(path);
  await release();
  await writeFile(path, text);
}

describe('the lock of a pull', () => {
  it('is held by one at a time', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      const release = await takeLock(path, quick);
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 2));
      inside--;
      await release();
    };
    await Promise.all(Array.from({ length: 10 }, work));
    expect(most).toBe(1);
    expect(await readdir(join(directory, 'pull'))).toEqual([]);
  });

  it('tells who has it', async () => {
    const release = await takeLock(path, quick);
    const holders: string[] = [];
    const next = takeLock(path, { ...quick, onWait: (holder) => holders.push(holder) });
    await vi.waitUntil(() => holders.length > 0, 30_000);
    await release();
    await (await next)();
    expect(holders).toEqual([`process ${process.pid} on ${hostname()}`]);
  });

  it('is taken from a process of this host that is dead', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    await leave(`process ${pid}\n${hostname()}\ntoken\n`);
    await (await takeLock(path, quick))();
  });

  it('is taken from our own earlier life, which had the same process id', async () => {
    await leave(`process ${process.pid}\n${hostname()}\ntoken of a container before\n`);
    await (await takeLock(path, quick))();
  });

  it('is taken from another host when its heartbeat stands still, and not before', async () => {
    await leave('process 1\nanother-host\ntoken\n');
    const waiting = takeLock(path, { ...quick, staleMs: 1e9, signal: AbortSignal.timeout(50) });
    await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
    await (await takeLock(path, { ...quick, staleMs: 30 }))();
  });

  it('is not released by who no longer has it', async () => {
    const release = await takeLock(path, quick);
    await writeFile(path, 'process 1\nanother-host\ntoken\n');
    await release();
    expect(await readdir(join(directory, 'pull'))).toEqual(['base.lock']);
  });
});

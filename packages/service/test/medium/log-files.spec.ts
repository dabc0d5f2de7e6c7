import { execFileSync } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConverterEnv } from '@mediajob/contract';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LogFiles } from '../../src/core/log-files.js';
import { sweepLogFolders } from '../../src/core/log-sweep.js';
import { createLogger, createMetrics, loadEnv, type ServiceLogger, withRequestContext } from '../../src/index.js';

let root = '';
const open: ServiceLogger[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mediajob-logs-'));
});
afterEach(async () => {
  for (const log of open.splice(0)) await log.close();
  await rm(root, { recursive: true, force: true });
});

function aLog(environment: Record<string, string> = {}, instance = 'host-1') {
  const metrics = createMetrics({ service: 'converter', version: '0', processMetrics: false });
  const stdout: Record<string, unknown>[] = [];
  const log = createLogger({
    service: 'converter',
    instance,
    env: loadEnv(ConverterEnv, { MEDIAJOB_DATA_DIR: root, ...environment }),
    drops: metrics.logDrops,
    stdout: { write: (line) => stdout.push(JSON.parse(line)) },
  });
  open.push(log);
  const drops = async () => (await metrics.logDrops.get()).values.find((it) => it.labels.sink === 'file')?.value ?? 0;
  return { log, stdout, drops, folder: join(root, 'logs', 'converter', instance) };
}

async function linesIn(folder: string): Promise<Record<string, unknown>[]> {
  const names = (await readdir(folder)).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return texts
    .join('')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

describe('the log', () => {
  it('goes to stdout and to the instance’s own folder, each line with service, instance and request', async () => {
    const { log, stdout, folder } = aLog();
    withRequestContext({ requestId: 'r-1', traceparent: '00-t-s-01' }, () => log.logger.info({ n: 1 }, 'hello'));
    await log.close();
    const want = {
      level: 'info',
      service: 'converter',
      instance: 'host-1',
      requestId: 'r-1',
      traceparent: '00-t-s-01',
      n: 1,
      msg: 'hello',
    };
    expect(stdout).toEqual([expect.objectContaining(want)]);
    expect(await linesIn(folder)).toEqual([expect.objectContaining(want)]);
  });

  it('never writes credentials', async () => {
    const { log, stdout } = aLog();
    log.logger.info({ headers: { authorization: 'Bearer secret-1', cookie: 'session=secret-2' } }, 'request');
    expect(JSON.stringify(stdout)).not.toContain('secret');
  });

  it('is rotated by size, keeps as many files as it should, and loses no line of those', async () => {
    const { log, folder, drops } = aLog({ MEDIAJOB_LOG_MAX_BYTES: '10KiB', MEDIAJOB_LOG_KEEP: '3' });
    for (let n = 0; n < 1000; n++) {
      log.logger.info({ n, filler: 'x'.repeat(100) }, 'line');
      if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await log.close();
    await vi.waitFor(async () => expect((await readdir(folder)).length).toBeLessThanOrEqual(4), 30_000);
    const names = await readdir(folder);
    expect(names.length).toBeGreaterThan(2);
    for (const name of names) expect((await stat(join(folder, name))).size).toBeLessThan(40 * 1024);
    const kept = (await linesIn(folder)).map((line) => line.n as number).sort((a, b) => a - b);
    expect(kept.at(-1)).toBe(999);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => 1000 - kept.length + i));
    expect(await drops()).toBe(0);
  });

  it('goes on at stdout when its folder cannot be made, counts what is lost, and says so once', async () => {
    await writeFile(join(root, 'logs'), 'a file where the folder should be');
    const { log, stdout, drops } = aLog();
    for (let n = 0; n < 5; n++) log.logger.info({ n }, 'line');
    await vi.waitFor(async () => expect(await drops()).toBeGreaterThanOrEqual(5), 30_000);
    log.logger.info('later');
    expect(stdout.filter((it) => it.msg === 'line')).toHaveLength(5);
    expect(stdout.filter((it) => String(it.msg).startsWith('log files cannot be written'))).toHaveLength(1);
  });

  it('has no files when they are switched off', async () => {
    const { log } = aLog({ MEDIAJOB_LOG_FILES: 'false' });
    log.logger.info('line');
    await log.close();
    expect(await readdir(root)).toEqual([]);
  });
});

describe('log files on a full disk', () => {
  const disk = () => join(root, 'disk');
  let mounted = false;

  beforeEach(async () => {
    await mkdir(disk());
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk()], { stdio: 'pipe' });
      mounted = true;
    } catch (error) {
      // Mounting needs root: run this file by `sudo npx vitest run --project medium packages/service/`.
      if (process.env.CI === 'true') throw error;
    }
  });
  afterEach(() => {
    if (mounted) execFileSync('umount', ['-l', disk()]);
    mounted = false;
  });

  it('cost lines, which are counted, never the process; they are written again when there is room', async (test) => {
    if (!mounted) test.skip('mounting a small tmpfs needs root');
    const states: string[] = [];
    let dropped = 0;
    const files = new LogFiles({
      folder: join(disk(), 'logs'),
      maxBytes: 1024 * 1024,
      keep: 2,
      retryMs: 10,
      onDrop: (lines) => {
        dropped += lines;
      },
      onState: (state) => states.push(state),
    });
    const line = `${'x'.repeat(1000)}\n`;
    for (let n = 0; n < 200; n++) {
      files.write(line);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await vi.waitFor(() => expect(states[0]).toBe('failed'), 30_000);
    expect(dropped).toBeGreaterThan(0);
    await rm(join(disk(), 'logs'), { recursive: true });
    await vi.waitFor(() => {
      files.write('again\n');
      expect(states).toContain('recovered');
    }, 30_000);
    files.write('last\n');
    await files.close();
    const names = await readdir(join(disk(), 'logs'));
    const text = (await Promise.all(names.map((name) => readFile(join(disk(), 'logs', name), 'utf8')))).join('');
    expect(text).toContain('last');
  });
});

describe('logs of instances that are gone', () => {
  const day = 24 * 3_600_000;
  const now = new Date('2026-06-01T00:00:00Z');

  async function aFolder(name: string, ageMs: number) {
    const folder = join(root, name);
    await mkdir(folder);
    await writeFile(join(folder, 'app.1.log'), 'line\n');
    const touched = new Date(now.getTime() - ageMs);
    await utimes(folder, touched, touched);
  }

  it('are removed when they are old; those of the living and the recently dead stay', async () => {
    await aFolder('own', 30 * day);
    await aFolder('living', 60_000);
    await aFolder('died-yesterday', day);
    await aFolder('died-long-ago', 8 * day);
    const removed = await sweepLogFolders({ serviceFolder: root, own: 'own', ttlMs: 7 * day, now });
    expect(removed).toEqual(['died-long-ago']);
    expect((await readdir(root)).sort()).toEqual(['died-yesterday', 'living', 'own']);
  });

  it('are removed early when there are too many, the newest last', async () => {
    for (let n = 0; n < 6; n++) await aFolder(`crashed-${n}`, 3_600_000 + n * 60_000);
    await sweepLogFolders({ serviceFolder: root, own: 'own', ttlMs: 7 * day, now, keepDead: 2 });
    expect((await readdir(root)).sort()).toEqual(['crashed-0', 'crashed-1']);
  });

  it('are never removed through a link', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'mediajob-outside-'));
    await writeFile(join(outside, 'precious'), 'x');
    await symlink(outside, join(root, 'link'));
    await chmod(outside, 0o700);
    await utimes(outside, new Date(0), new Date(0));
    expect(await sweepLogFolders({ serviceFolder: root, own: 'own', ttlMs: 1, now })).toEqual([]);
    expect((await lstat(join(root, 'link'))).isSymbolicLink()).toBe(true);
    expect(await readdir(outside)).toEqual(['precious']);
    await rm(outside, { recursive: true });
  });
});

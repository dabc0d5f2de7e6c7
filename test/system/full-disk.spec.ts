import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ApiError } from '../../scripts/run/client.ts';
import { System, until } from './services.ts';
import { loopedSpeech, SAMPLE, SAMPLE_TEXT } from './speech.ts';

const MIB = 1024 * 1024;
const mayMount = process.platform === 'linux' && process.getuid?.() === 0;

beforeAll(() => {
  if (!mayMount && process.env.CI === 'true')
    throw new Error('these tests mount a tmpfs: run them as root, for example "sudo npm run test:system"');
});

/** A data directory on a file system of its own. */
function smallDisk(bytes: number): string {
  const directory = mkdtempSync(join(tmpdir(), 'mediajob-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory]);
  onTestFinished(() => {
    execFileSync('umount', ['-l', directory]);
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** Writes zeros until at most `leave` bytes are free. */
function fill(directory: string, leave: number): string {
  const path = join(directory, 'filler');
  const file = openSync(path, 'w');
  const block = Buffer.alloc(64 * 1024);
  const free = (): number => {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  };
  while (free() > leave + block.length) writeSync(file, block);
  closeSync(file);
  return path;
}

describe.skipIf(!mayMount)('a full disk', () => {
  it('refuses an upload with 507 before a byte is lost, and keeps working jobs', async () => {
    const dataDir = smallDisk(96 * MIB);
    const system = await System.start({ dataDir });
    onTestFinished(() => system.stop());
    const done = await system.untilJob((await system.submit(SAMPLE)).metadata.uid);
    expect(done.status.phase).toBe('Succeeded');

    const filler = fill(dataDir, 5 * MIB);
    const refused = await system.submit(SAMPLE).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({ status: 507, problem: { code: 'storage-full' } });
    expect((await system.client.transcript(done.metadata.uid)).segments.length).toBeGreaterThan(0);
    expect((await fetch(`${system.url}/health/live`)).status).toBe(200);

    rmSync(filler);
    const again = await system.untilJob((await system.submit(SAMPLE)).metadata.uid);
    expect(again.status.phase).toBe('Succeeded');
  });

  it('lets an accepted job wait as StorageFull, and finish when there is space again', async () => {
    const dataDir = smallDisk(96 * MIB);
    const audio = join(mkdtempSync(join(tmpdir(), 'mediajob-audio-')), 'speech.flac');
    loopedSpeech(audio, 8);
    const system = await System.start({ dataDir });
    onTestFinished(() => system.stop());
    const converter = system.instance('converter');
    await system.kill(converter);
    const { metadata } = await system.submit(audio);
    const filler = fill(dataDir, 10.2 * MIB);
    system.launch(converter);
    await until(
      'the converter listens',
      async () => (await fetch(`http://127.0.0.1:${converter.port}/health/live`).catch(() => undefined))?.ok,
    );

    const waiting = await system.untilJob(metadata.uid, (job) =>
      job.status.conditions.some((it) => it.type === 'Queued' && it.reason === 'StorageFull'),
    );
    expect(waiting.status.phase).toBe('Queued');
    expect(waiting.status.message).toMatch(/space|disk|full/i);
    const work = join(dataDir, 'jobs', metadata.uid, 'work');
    expect(existsSync(work) ? readdirSync(work).filter((name) => name.includes('.partial')) : []).toEqual([]);

    rmSync(filler);
    const job = await system.untilJob(metadata.uid);
    expect(job.status).toMatchObject({ phase: 'Succeeded', attempt: 1 });
    const text = (await system.client.transcript(metadata.uid)).segments
      .map((it) => it.text)
      .join(' ')
      .toLowerCase();
    expect(text.split(SAMPLE_TEXT).length - 1).toBeGreaterThanOrEqual(7);
  });
});

import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Sweeper } from '../../src/sweep/sweeper.js';
import { aJob } from './given-jobs.js';
import { type RunningMain, startMain } from './running-main.js';

let main: RunningMain;
beforeEach(async () => {
  main = await startMain();
});
afterEach(() => main[Symbol.asyncDispose]());

/** A job's directories with a file, as of some hours ago. */
async function leftOf(uid: string, hoursAgo: number): Promise<void> {
  const at = new Date(Date.now() - hoursAgo * 3_600_000);
  for (const top of ['jobs', 'outputs']) {
    const directory = join(main.dataDir, top, uid);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'file'), 'x');
    for (const path of [join(directory, 'file'), directory]) await utimes(path, at, at);
  }
}

it('a sweep removes what is left of jobs that are gone, keeps what belongs to jobs that are, and writes it down', async () => {
  const known = main.jobs.put(aJob('inbox/a.mp3')).metadata.uid;
  const [gone, justMade] = [crypto.randomUUID(), crypto.randomUUID()];
  await leftOf(known, 100);
  await leftOf(gone, 100);
  await leftOf(justMade, 0);
  await main.service.app.get(Sweeper).sweep();
  for (const top of ['jobs', 'outputs']) {
    expect((await readdir(join(main.dataDir, top))).sort()).toEqual([known, justMade].sort());
  }
  const line = main.logs.find((it) => it.action === 'sweep');
  const removed = expect.arrayContaining([`jobs/${gone}`, `outputs/${gone}`]);
  expect(line).toMatchObject({ category: 'audit', outcome: 'success', detail: { removed } });
});

it('a sweep removes nothing while nobody knows which jobs there are', async () => {
  const gone = crypto.randomUUID();
  await leftOf(gone, 100);
  main.jobs.ids = () => {
    throw new Error('not read yet');
  };
  await expect(main.service.app.get(Sweeper).sweep()).rejects.toThrow('not read yet');
  expect(await readdir(join(main.dataDir, 'jobs'))).toEqual([gone]);
});

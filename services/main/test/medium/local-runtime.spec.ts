import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MediaJobSpecInput, StepFailure } from '@mediajob/contract';
import { type FileOperations, nodeFileOperations, Volume } from '@mediajob/storage';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/runtime/clock.js';
import { HttpWorkers } from '../../src/runtime/http-workers.js';
import { VolumeJobFiles } from '../../src/runtime/job-files.js';
import { FakeWorker, type FakeWorkerOptions } from '../runtime/fake-worker.js';
import { aJob, Main } from '../runtime/local-world.js';
import { WorkerServer } from '../runtime/worker-server.js';

/** Real HTTP and a real disk; only the workers' work is not. */
let root: string;
const ends: (() => Promise<void>)[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mediajob-runtime-'));
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await rm(root, { recursive: true, force: true });
});

async function aServer(options: FakeWorkerOptions = {}): Promise<WorkerServer> {
  const server = await new WorkerServer(new FakeWorker(options)).start();
  ends.push(() => server.kill());
  return server;
}

/** Soon enough for tests; but silence is long, so that a busy machine is not taken for a dead worker. */
const QUICK = {
  dispatcher: { roundMs: 40, strayMs: 200 },
  watcher: { youngPollMs: 10, pollMs: 10, refusedLostAfterMs: 150, lostAfterMs: 20_000 },
};
/** Where a worker hangs. */
const IMPATIENT = { ...QUICK, watcher: { ...QUICK.watcher, lostAfterMs: 600 } };

async function aMain(
  converters: readonly WorkerServer[],
  transcribers: readonly WorkerServer[],
  files: FileOperations = nodeFileOperations,
  times: typeof QUICK = QUICK,
): Promise<Main> {
  const workers = new HttpWorkers({
    converters: converters.map((it) => it.url),
    transcribers: transcribers.map((it) => it.url),
    timeoutMs: times.watcher.lostAfterMs / 2,
  });
  const main = new Main(new VolumeJobFiles(new Volume(root, { files })), workers, systemClock, times);
  ends.push(async () => {
    await main.runtime.stop().catch(() => undefined);
    await workers.close();
  });
  return main.start();
}

async function until(what: () => boolean | Promise<boolean>, why = 'it did not come to be so'): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (await what()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(why);
}

const stages = (names: readonly string[]) => names.map((name) => name.replace(/^[0-9a-f-]{36}-/, ''));
const submit = async (main: Main, spec: Partial<MediaJobSpecInput> = {}) =>
  (await main.runtime.submit(aJob({ now: () => Date.now() }, spec))).job;
const forever = { progress: { fraction: 0.4 } };
const fails = (exitCode: number, reason: StepFailure['reason']) => ({
  failure: { exitCode, reason, message: 'Something.' },
});

describe('over HTTP and on disk', () => {
  it('a job runs to its end, and its file tells the same as memory', async () => {
    const [converter, transcriber] = [await aServer(), await aServer()];
    const main = await aMain([converter], [transcriber]);
    const job = await submit(main);
    await until(() => main.phase(job.metadata.uid) === 'Succeeded');
    const written = JSON.parse(await readFile(join(root, 'jobs', job.metadata.uid, 'job.json'), 'utf8'));
    expect(written.job).toEqual(main.store.get(job.metadata.uid));
    expect(written.job.status).toMatchObject({ phase: 'Succeeded', progress: { text: '100%' }, language: 'en' });
  });

  it('two workers of a kind share the load', async () => {
    const converter = await aServer({ chunks: 12 });
    const transcribers = [await aServer({ capacity: 1 }), await aServer({ capacity: 1 })];
    const main = await aMain([converter], transcribers);
    const job = await submit(main);
    await until(() => main.phase(job.metadata.uid) === 'Succeeded');
    const begun = transcribers.map((it) => it.worker.begun.length);
    expect(begun[0]).toBeGreaterThan(1);
    expect(begun[1]).toBeGreaterThan(1);
    expect((begun[0] ?? 0) + (begun[1] ?? 0)).toBe(7);
    expect(transcribers.map((it) => it.worker.busiest)).toEqual([1, 1]);
  });

  it('a worker that is killed and comes back gets its run again', async () => {
    let killed = false;
    const converter = await aServer();
    const transcriber = await aServer({ behave: () => (killed ? undefined : forever) });
    const main = await aMain([converter], [transcriber]);
    const job = await submit(main, { retries: 0 });
    await until(() => main.phase(job.metadata.uid) === 'Transcribing');
    killed = true;
    await transcriber.kill();
    await until(() => main.queued(job.metadata.uid)?.reason === 'WorkerUnreachable');
    await transcriber.start();
    await until(() => main.phase(job.metadata.uid) === 'Succeeded');
    expect(stages(transcriber.worker.begun)).toEqual(['transcribe-0-1-1', 'transcribe-0-1-2']);
    expect(main.store.get(job.metadata.uid)?.status.attempts).toMatchObject([{ reason: 'WorkerLost', counted: false }]);
  });

  it('workers that come later than the job are found', async () => {
    const [converter, transcriber] = [await aServer(), await aServer()];
    await converter.kill();
    await transcriber.kill();
    const main = await aMain([converter], [transcriber]);
    const job = await submit(main);
    await until(() => main.queued(job.metadata.uid)?.reason === 'WorkerUnreachable');
    await converter.start();
    await transcriber.start();
    await until(() => main.phase(job.metadata.uid) === 'Succeeded');
  });

  it('a worker that hangs loses its run to another, and is told when it is back', async () => {
    const converter = await aServer();
    const hanging = await aServer({ behave: () => forever });
    const main = await aMain([converter], [hanging], nodeFileOperations, IMPATIENT);
    const job = await submit(main);
    await until(() => main.phase(job.metadata.uid) === 'Transcribing');
    hanging.hangs = true;
    await until(() => main.queued(job.metadata.uid)?.reason === 'WorkerUnreachable');
    expect(hanging.worker.live()).toHaveLength(1);
    await main.runtime.edit(job.metadata.uid, (it) => ({ ...it, spec: { ...it.spec, suspend: true } }));
    hanging.hangs = false;
    await until(() => hanging.worker.live().length === 0, 'the stray run goes on');
  });

  it('answers that are cut start nothing twice', async () => {
    const [converter, transcriber] = [await aServer(), await aServer()];
    const main = await aMain([converter], [transcriber]);
    const put = converter.worker.put.bind(converter.worker);
    let cuts = 3;
    converter.worker.put = (id, request) => {
      converter.cutsAnswers = cuts-- > 0;
      return put(id, request);
    };
    const get = converter.worker.get.bind(converter.worker);
    converter.worker.get = (id) => {
      converter.cutsAnswers = false;
      return get(id);
    };
    const job = await submit(main);
    await until(() => main.phase(job.metadata.uid) === 'Succeeded');
    expect(stages(converter.worker.begun)).toEqual(['convert-0-1-1']);
  });

  it('a full disk at a worker is waited for', async () => {
    const converter = await aServer({ behave: () => fails(73, 'StorageFull') });
    const main = await aMain([converter], [await aServer()]);
    const job = await submit(main);
    await until(() => main.queued(job.metadata.uid)?.reason === 'StorageFull');
    expect(main.store.get(job.metadata.uid)?.status.message).toMatch(/Nothing is lost: free some space/);
  });

  it('deletion leaves nothing of the job, and all of the others', async () => {
    const main = await aMain([await aServer()], [await aServer()]);
    const [one, other] = [await submit(main), await submit(main)];
    const id = one.metadata.uid;
    await until(() => [one, other].every((job) => main.phase(job.metadata.uid) === 'Succeeded'));
    for (const job of [one, other]) {
      for (const directory of [`jobs/${job.metadata.uid}/work/parts`, `outputs/${job.metadata.uid}`]) {
        await mkdir(join(root, directory), { recursive: true });
        await writeFile(join(root, directory, 'file'), 'x');
      }
    }
    const deletionTimestamp = new Date().toISOString();
    await main.runtime.edit(id, (it) => ({ ...it, metadata: { ...it.metadata, deletionTimestamp } }));
    await until(() => main.store.get(id) === undefined);
    expect(await readdir(join(root, 'jobs'))).toEqual([other.metadata.uid]);
    expect(await readdir(join(root, 'outputs'))).toEqual([other.metadata.uid]);
    expect(await readdir(join(root, 'jobs', other.metadata.uid, 'work', 'parts'))).toEqual(['file']);
  });
});

/** Dies at the given change of the disk: that one and all after it fail, as if the process were gone. */
function dyingAt(death: number): FileOperations & { count(): number } {
  let count = 0;
  const dead = <Arguments extends unknown[], Result>(operation: (...given: Arguments) => Promise<Result>) => {
    return async (...given: Arguments): Promise<Result> => {
      count++;
      if (count > death) throw new Error('the process is dead');
      return operation(...given);
    };
  };
  return {
    create: dead(nodeFileOperations.create),
    write: dead(nodeFileOperations.write),
    syncData: dead(nodeFileOperations.syncData),
    rename: dead(nodeFileOperations.rename),
    link: dead(nodeFileOperations.link),
    unlink: dead(nodeFileOperations.unlink),
    syncDirectory: dead(nodeFileOperations.syncDirectory),
    makeDirectory: dead(nodeFileOperations.makeDirectory),
    count: () => count,
  };
}

describe('main may die at any change of the disk', () => {
  it('and the job ends the same, with nothing run twice', async () => {
    const spec = { convert: { renditions: [{ format: 'mp3' as const }] } };
    const wanted = ['convert-0-1-1', 'finalize-0-1-1', 'render-0-1-1', 'transcribe-0-1-1', 'transcribe-1-1-1'];
    const life = async (death: number) => {
      const [converter, transcriber] = [await aServer({ chunks: 4 }), await aServer()];
      const files = dyingAt(death);
      const first = await aMain([converter], [transcriber], files);
      const job = aJob({ now: () => Date.now() }, spec);
      const accepted = await first.runtime.submit(job).then(
        () => true,
        () => false,
      );
      const id = job.metadata.uid;
      await until(() => first.phase(id) === 'Succeeded' || files.count() > death);
      const died = files.count() > death;
      await first.runtime.stop().catch(() => undefined);
      const next = await aMain([converter], [transcriber]);
      if (next.store.get(id) === undefined) {
        expect(accepted, 'an accepted job is lost').toBe(false);
        await next.runtime.submit(job);
      }
      await until(() => next.phase(id) === 'Succeeded', `it does not end after a death at ${death}`);
      const begun = stages([...converter.worker.begun, ...transcriber.worker.begun]).sort();
      expect(begun, `death at ${death}`).toEqual(wanted);
      for (const end of ends.splice(0).reverse()) await end();
      await rm(join(root, 'jobs', id), { recursive: true });
      return died;
    };
    // The operations of a whole life, each in turn; the first is the directory of all jobs.
    let deaths = 1;
    while (await life(deaths)) deaths++;
    expect(deaths).toBeGreaterThan(40);
  });
});

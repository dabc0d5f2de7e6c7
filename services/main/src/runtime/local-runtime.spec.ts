import { Annotation, type MediaJob, type StepFailure, type StepRequest } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { FakeWorker } from '../../test/runtime/fake-worker.js';
import { aJob, aWorld, Main } from '../../test/runtime/local-world.js';
import { MemoryJobFiles } from '../../test/runtime/memory-job-files.js';

const MINUTE = 60_000;
const failure = (
  exitCode: number,
  reason: StepFailure['reason'],
  message = 'Something.',
): { failure: StepFailure } => ({
  failure: { exitCode, reason, message },
});
const stages = (names: readonly string[]) => names.map((name) => name.replace(/^[0-9a-f-]{36}-/, ''));
const forever = { progress: { fraction: 0.4 } };

describe('a job goes through its stages', () => {
  it('and tells each change of it', async () => {
    const { clock, main, converter, transcriber } = await aWorld();
    const { job, created } = await main.runtime.submit(aJob(clock));
    expect(created).toBe(true);
    expect(job.status.phase).toBe('Queued');
    await clock.until(() => main.phase(job.metadata.uid) === 'Succeeded');
    expect(stages([...converter.begun, ...transcriber.begun])).toEqual(['convert-0-1-1', 'transcribe-0-1-1']);
    const phases = main.events.flatMap((event) => (event.type === 'job' ? [event.job.status.phase] : []));
    expect([...new Set(phases)]).toEqual(['Queued', 'Converting', 'Transcribing', 'Succeeded']);
    expect(main.told).toContain('Succeeded');
    expect(main.store.record(job.metadata.uid)?.runs).toEqual([]);
  });

  it('with no more runs at a worker than it runs at once, the oldest job first', async () => {
    const { clock, main, converter } = await aWorld({ converter: { capacity: 2 } });
    const jobs: MediaJob[] = [];
    for (let i = 0; i < 5; i++) jobs.push((await main.runtime.submit(aJob(clock))).job);
    await clock.until(() => jobs.every((job) => main.phase(job.metadata.uid) === 'Succeeded'));
    expect(converter.busiest).toBe(2);
    expect(converter.begun.map((name) => name.slice(0, 36))).toEqual(jobs.map((job) => job.metadata.uid));
  });

  it('says why it waits while every worker is busy', async () => {
    const { clock, main } = await aWorld({ converter: { capacity: 1, behave: () => forever } });
    await main.runtime.submit(aJob(clock));
    const { job } = await main.runtime.submit(aJob(clock));
    await clock.advance(5000);
    expect(main.queued(job.metadata.uid)).toMatchObject({ status: 'True', reason: 'WaitingForWorker' });
    expect(main.queued(job.metadata.uid)?.message).toMatch(/busy/);
  });

  it('by as many shards as there are, over two workers that share them', async () => {
    const { clock, main, workers, transcriber } = await aWorld({
      converter: { chunks: 8 },
      transcriber: { capacity: 2 },
    });
    const other = new FakeWorker({ capacity: 2 });
    workers.add('transcriber', 'transcriber-2:8001', other);
    const { job } = await main.runtime.submit(aJob(clock));
    await clock.until(() => main.phase(job.metadata.uid) === 'Succeeded');
    const both = stages([...transcriber.begun, ...other.begun]).sort();
    expect(both).toEqual(['finalize-0-1-1', ...[0, 1, 2, 3].map((shard) => `transcribe-${shard}-1-1`)]);
    expect(other.begun.length).toBeGreaterThanOrEqual(2);
    expect(transcriber.begun.length).toBeGreaterThanOrEqual(2);
  });

  it('and progress is written now and then, not at every look', async () => {
    let fraction = 0;
    const { clock, main, files } = await aWorld({
      transcriber: {
        behave: () => {
          fraction += 0.001;
          return { progress: { fraction } };
        },
      },
    });
    const { job } = await main.runtime.submit(aJob(clock));
    await clock.until(() => main.phase(job.metadata.uid) === 'Transcribing');
    await clock.advance(1000);
    const before = files.writes;
    const seen = main.events.length;
    await clock.advance(5000);
    expect(files.writes - before).toBeLessThanOrEqual(6);
    expect(main.events.length - seen).toBeGreaterThan(6);
    expect(main.store.get(job.metadata.uid)?.status.progress.percent).toBeGreaterThan(0);
  });
});

describe('one service down never blocks the others’ work', () => {
  it('a job waits for a converter that is away, says so, and goes on when it is back', async () => {
    const { clock, main, workers, addresses } = await aWorld();
    workers.away.set(addresses.converter, 'refused');
    const { job } = await main.runtime.submit(aJob(clock));
    await clock.advance(10 * MINUTE);
    expect(main.queued(job.metadata.uid)).toMatchObject({ status: 'True', reason: 'WorkerUnreachable' });
    expect(main.store.get(job.metadata.uid)?.status.message).toMatch(/No converter can be reached/);
    workers.away.clear();
    await clock.until(() => main.phase(job.metadata.uid) === 'Succeeded', 30_000);
    expect(main.store.get(job.metadata.uid)?.status.attempts).toEqual([]);
  });

  it('a transcriber that is away does not keep the converter from its work', async () => {
    const { clock, main, workers, addresses } = await aWorld();
    workers.away.set(addresses.transcriber, 'silent');
    const { job } = await main.runtime.submit(aJob(clock));
    await clock.advance(10_000);
    const converted = main.store.get(job.metadata.uid)?.status.stages.find((it) => it.name === 'convert');
    expect(converted?.state).toBe('Succeeded');
    expect(main.queued(job.metadata.uid)?.reason).toBe('WorkerUnreachable');
  });

  it.each(['refused', 'silent'] as const)('a run whose worker is %s goes on at another', async (how) => {
    const { clock, main, workers, addresses, transcriber } = await aWorld({ transcriber: { behave: () => forever } });
    const other = new FakeWorker();
    const { job } = await main.runtime.submit(aJob(clock));
    await clock.until(() => main.phase(job.metadata.uid) === 'Transcribing');
    workers.add('transcriber', 'transcriber-2:8001', other);
    workers.away.set(addresses.transcriber, how);
    await clock.until(() => main.phase(job.metadata.uid) === 'Succeeded', MINUTE);
    expect(stages(other.begun)).toEqual(['transcribe-0-1-2']);
    expect(main.store.get(job.metadata.uid)?.status.attempts).toMatchObject([{ reason: 'WorkerLost', counted: false }]);
    // What it left behind at the first is ended as soon as that is back.
    expect(transcriber.live()).toHaveLength(1);
    workers.away.clear();
    await clock.advance(MINUTE);
    expect(transcriber.live()).toEqual([]);
  });

  it('a worker that was started again is given its run again at once', async () => {
    let restarted = false;
    const { clock, main, transcriber } = await aWorld({
      transcriber: { behave: () => (restarted ? undefined : forever) },
    });
    const { job } = await main.runtime.submit(aJob(clock, { retries: 0 }));
    await clock.until(() => main.phase(job.metadata.uid) === 'Transcribing');
    restarted = true;
    transcriber.restart();
    await clock.until(() => main.phase(job.metadata.uid) === 'Succeeded', 10_000);
    expect(stages(transcriber.begun)).toEqual(['transcribe-0-1-1', 'transcribe-0-1-2']);
  });

  it('a run that kills its worker each time does not go on for ever', async () => {
    const world = await aWorld();
    const { clock, main, transcriber, workers } = world;
    workers.before = (call, id) => {
      if (call === 'get' && id.includes('-transcribe-')) transcriber.restart();
    };
    const { job } = await main.runtime.submit(aJob(clock, { retries: 1 }));
    await clock.until(() => main.phase(job.metadata.uid) === 'Failed', 10 * MINUTE);
    expect(transcriber.begun).toHaveLength(7);
    expect(main.store.get(job.metadata.uid)?.status.message).toMatch(/WorkerLost/);
  });

  it('a worker that shuts down hands its runs back, and gets no new ones', async () => {
    const { clock, main, converter } = await aWorld();
    converter.draining = true;
    const { job } = await main.runtime.submit(aJob(clock));
    await clock.advance(10_000);
    expect(converter.begun).toEqual([]);
    expect(main.queued(job.metadata.uid)?.status).toBe('True');
    converter.draining = false;
    await clock.until(() => main.phase(job.metadata.uid) === 'Succeeded', 10_000);
  });

  it('a worker on another volume is given nothing, and the job says so until one is where it should be', async () => {
    const { clock, main, workers, transcriber, addresses } = await aWorld();
    transcriber.elsewhere = true;
    const { job } = await main.runtime.submit(aJob(clock));
    await clock.advance(10_000);
    expect(transcriber.begun).toEqual([]);
    expect(main.queued(job.metadata.uid)).toMatchObject({ status: 'True', reason: 'WorkerUnreachable' });
    expect(main.store.get(job.metadata.uid)?.status.message).toMatch(
      /does not have main’s media volume.*Mount it there/,
    );
    workers.away.set(addresses.transcriber, 'refused');
    await clock.advance(10_000);
    expect(main.store.get(job.metadata.uid)?.status.message).toMatch(/No transcriber can be reached/);
    const other = new FakeWorker();
    workers.add('transcriber', 'transcriber-2:8001', other);
    await clock.until(() => main.phase(job.metadata.uid) === 'Succeeded', 10_000);
    expect(transcriber.begun).toEqual([]);
  });

  it('a worker that refuses a request for good fails the run, and the job says why', async () => {
    const { clock, main, workers, addresses } = await aWorld();
    const put = workers.put.bind(workers);
    workers.put = (address, id, request) =>
      address === addresses.converter
        ? Promise.resolve({ kind: 'rejected', detail: 'stage is convert; this service runs transcribe' })
        : put(address, id, request);
    const { job } = await main.runtime.submit(aJob(clock, { retries: 0 }));
    await clock.until(() => main.phase(job.metadata.uid) === 'Failed', MINUTE);
    expect(main.store.get(job.metadata.uid)?.status.message).toMatch(/refused the run: stage is convert/);
  });

  it('an answer to the put that is lost starts the run once', async () => {
    const { clock, main, workers, converter } = await aWorld();
    const put = workers.put.bind(workers);
    let lost = false;
    workers.put = async (address, id, request) => {
      const answer = await put(address, id, request);
      if (lost) return answer;
      lost = true;
      return { kind: 'unreachable', refused: false, detail: 'timeout' };
    };
    const { job } = await main.runtime.submit(aJob(clock));
    await clock.until(() => main.phase(job.metadata.uid) === 'Succeeded', MINUTE);
    expect(stages(converter.begun)).toEqual(['convert-0-1-1']);
  });
});

describe('a full disk', () => {
  it('of a worker is waited for, uncounted', async () => {
    let full = true;
    const { clock, main } = await aWorld({
      converter: { behave: () => (full ? failure(73, 'StorageFull', 'The disk is full.') : undefined) },
    });
    const { job } = await main.runtime.submit(aJob(clock, { retries: 0 }));
    await clock.advance(30 * MINUTE);
    expect(main.queued(job.metadata.uid)?.reason).toBe('StorageFull');
    full = false;
    await clock.until(() => main.phase(job.metadata.uid) === 'Succeeded', 11 * MINUTE);
  });

  it('of main refuses a new job, and keeps nothing of it', async () => {
    const { clock, main, files } = await aWorld();
    files.failing = new Error('ENOSPC');
    const job = aJob(clock);
    await expect(main.runtime.submit(job)).rejects.toThrow('ENOSPC');
    expect(main.store.get(job.metadata.uid)).toBeUndefined();
    files.failing = undefined;
    expect((await main.runtime.submit(job)).created).toBe(true);
  });

  it('of main stops nothing for good: jobs go on when there is room', async () => {
    const { clock, main, files, converter, transcriber } = await aWorld();
    const { job } = await main.runtime.submit(aJob(clock));
    files.failing = new Error('ENOSPC');
    await clock.advance(2 * MINUTE);
    expect(transcriber.begun).toEqual([]);
    files.failing = undefined;
    await clock.until(() => main.phase(job.metadata.uid) === 'Succeeded', MINUTE);
    expect(stages([...converter.begun, ...transcriber.begun])).toEqual(['convert-0-1-1', 'transcribe-0-1-1']);
  });
});

describe('a person is in charge', () => {
  it('suspend stops the run at its worker, and resume goes on', async () => {
    const { clock, main, transcriber } = await aWorld({
      transcriber: { behave: (_, look) => (look > 30 ? undefined : forever) },
    });
    const { job } = await main.runtime.submit(aJob(clock));
    const id = job.metadata.uid;
    await clock.until(() => main.phase(id) === 'Transcribing');
    await main.runtime.edit(id, (it) => ({ ...it, spec: { ...it.spec, suspend: true } }));
    expect(main.phase(id)).toBe('Suspended');
    await clock.advance(1000);
    expect(transcriber.live()).toEqual([]);
    await main.runtime.edit(id, (it) => ({ ...it, spec: { ...it.spec, suspend: false } }));
    await clock.until(() => main.phase(id) === 'Succeeded', MINUTE);
    expect(stages(transcriber.begun)).toEqual(['transcribe-0-1-1', 'transcribe-0-1-2']);
    expect(main.store.get(id)?.status.attempts).toEqual([]);
  });

  it('a job that waits for a worker is suspended without one', async () => {
    const { clock, main, workers, addresses } = await aWorld();
    workers.away.set(addresses.converter, 'refused');
    const { job } = await main.runtime.submit(aJob(clock));
    await clock.advance(2000);
    await main.runtime.edit(job.metadata.uid, (it) => ({ ...it, spec: { ...it.spec, suspend: true } }));
    expect(main.store.record(job.metadata.uid)?.runs.filter((run) => run.state === 'pending')).toEqual([]);
  });

  it('cancel stops it for good, and a retry takes it back', async () => {
    let hang = true;
    const { clock, main, converter } = await aWorld({ converter: { behave: () => (hang ? forever : undefined) } });
    const { job } = await main.runtime.submit(aJob(clock));
    const id = job.metadata.uid;
    await clock.until(() => main.phase(id) === 'Converting');
    await main.runtime.edit(id, (it) => ({ ...it, spec: { ...it.spec, cancel: true } }));
    expect(main.phase(id)).toBe('Cancelled');
    await clock.advance(5000);
    expect(converter.live()).toEqual([]);
    expect(main.store.record(id)?.runs).toEqual([]);
    hang = false;
    await main.runtime.edit(id, (it) => ({
      ...it,
      metadata: { ...it.metadata, annotations: { [Annotation.retry]: 'again' } },
      spec: { ...it.spec, cancel: false },
    }));
    await clock.until(() => main.phase(id) === 'Succeeded', MINUTE);
    expect(main.store.get(id)?.status.attempt).toBe(2);
  });

  it('deletion stops the run, removes the files, and then the job', async () => {
    const { clock, main, converter, files } = await aWorld({ converter: { behave: () => forever } });
    const { job } = await main.runtime.submit(aJob(clock));
    const id = job.metadata.uid;
    await clock.until(() => main.phase(id) === 'Converting');
    await main.runtime.edit(id, (it) => ({
      ...it,
      metadata: { ...it.metadata, deletionTimestamp: new Date(clock.now()).toISOString() },
    }));
    expect(files.cleaned).toEqual([]);
    await clock.until(() => main.store.get(id) === undefined, MINUTE);
    expect(converter.live()).toEqual([]);
    expect(files.cleaned).toEqual([id]);
    expect(files.disk.size).toBe(0);
    expect(main.events.at(-1)).toEqual({ type: 'job-deleted', id });
  });

  it('a job is deleted also when every worker is away', async () => {
    const { clock, main, workers, addresses } = await aWorld({ converter: { behave: () => forever } });
    const { job } = await main.runtime.submit(aJob(clock));
    await clock.until(() => main.phase(job.metadata.uid) === 'Converting');
    for (const address of Object.values(addresses)) workers.away.set(address, 'silent');
    await main.runtime.edit(job.metadata.uid, (it) => ({
      ...it,
      metadata: { ...it.metadata, deletionTimestamp: new Date(clock.now()).toISOString() },
    }));
    await clock.until(() => main.store.get(job.metadata.uid) === undefined, MINUTE);
  });

  it('a job with a time to live goes when it is over', async () => {
    const { clock, main } = await aWorld();
    const { job } = await main.runtime.submit(aJob(clock, { ttlSecondsAfterFinished: 60 }));
    await clock.until(() => main.phase(job.metadata.uid) === 'Succeeded');
    await clock.advance(50_000);
    expect(main.store.get(job.metadata.uid)).toBeDefined();
    await clock.advance(20_000);
    expect(main.store.get(job.metadata.uid)).toBeUndefined();
  });
});

describe('main may die at any write', () => {
  /** Everything a job can need: shards, finalize, render, one failure that is tried again. */
  const spec = { convert: { renditions: [{ format: 'mp3' as const }] } };
  const behaviours = () => {
    let failed = false;
    return {
      converter: { chunks: 5 },
      transcriber: {
        behave: (request: StepRequest) => {
          if (request.stage !== 'transcribe' || request.shard !== 1 || failed) return undefined;
          failed = true;
          return failure(75, 'Temporary');
        },
      },
    };
  };

  it('and the job ends the same, with nothing run twice', async () => {
    const whole = await aWorld(behaviours());
    const { job: first } = await whole.main.runtime.submit(aJob(whole.clock, spec));
    await whole.clock.until(() => whole.main.phase(first.metadata.uid) === 'Succeeded');
    const wanted = stages([...whole.converter.begun, ...whole.transcriber.begun]).sort();
    const writes = whole.files.writes;
    expect(writes).toBeGreaterThan(10);

    for (let death = 1; death <= writes; death++) {
      const { clock, main, files, workers, converter, transcriber } = await aWorld(behaviours());
      files.dieAfter = death;
      const { job } = await main.runtime.submit(aJob(clock, spec));
      await clock.until(() => files.dieAfter <= 0, 60_000).catch(() => undefined);
      await clock.advance(3000);
      await main.runtime.stop().catch(() => undefined);

      const next = await new Main(new MemoryJobFiles(files.disk), workers, clock).start();
      await clock.until(() => next.phase(job.metadata.uid) === 'Succeeded', 10 * MINUTE);
      expect(stages([...converter.begun, ...transcriber.begun]).sort(), `death at write ${death}`).toEqual(wanted);
      expect(next.store.get(job.metadata.uid)?.status.outputs).toEqual(
        whole.main.store.get(first.metadata.uid)?.status.outputs,
      );
      await next.runtime.stop();
    }
  });

  it('and while it is away workers go on: their results are taken up', async () => {
    const { clock, main, files, workers, converter } = await aWorld();
    const { job } = await main.runtime.submit(aJob(clock));
    await clock.until(() => main.phase(job.metadata.uid) === 'Converting');
    await main.runtime.stop();
    for (const id of converter.live()) converter.get(id);
    const next = await new Main(new MemoryJobFiles(files.disk), workers, clock).start();
    await clock.until(() => next.phase(job.metadata.uid) === 'Succeeded', MINUTE);
    expect(stages(converter.begun)).toEqual(['convert-0-1-1']);
  });

  it('and workers may be started again meanwhile', async () => {
    const { clock, main, files, workers, converter } = await aWorld();
    const { job } = await main.runtime.submit(aJob(clock));
    await clock.until(() => main.phase(job.metadata.uid) === 'Converting');
    await main.runtime.stop();
    converter.restart();
    const next = await new Main(new MemoryJobFiles(files.disk), workers, clock).start();
    await clock.until(() => next.phase(job.metadata.uid) === 'Succeeded', MINUTE);
  });

  it('and a deletion goes on where it was', async () => {
    for (let death = 1; death < 8; death++) {
      const { clock, main, files, workers } = await aWorld();
      const { job } = await main.runtime.submit(aJob(clock));
      const id = job.metadata.uid;
      files.dieAfter = death;
      const deletionTimestamp = new Date(clock.now()).toISOString();
      const remove = (it: typeof job) => ({ ...it, metadata: { ...it.metadata, deletionTimestamp } });
      const accepted = await main.runtime.edit(id, remove).then(
        () => true,
        () => false,
      );
      await clock.advance(20_000);
      await main.runtime.stop().catch(() => undefined);
      const next = await new Main(new MemoryJobFiles(files.disk), workers, clock).start();
      if (!accepted) await next.runtime.edit(id, remove);
      await clock.until(() => next.store.get(id) === undefined, MINUTE);
      expect(files.disk.size).toBe(0);
      await next.runtime.stop();
    }
  });
});

describe('the store', () => {
  it('leaves a job alone that it cannot read, and serves the others', async () => {
    const { clock, main, files, workers } = await aWorld();
    const { job } = await main.runtime.submit(aJob(clock));
    await main.runtime.stop();
    const damaged = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee';
    files.disk.set(damaged, '{"schemaVersion":');
    const next = await new Main(new MemoryJobFiles(files.disk), workers, clock).start();
    expect(next.store.get(damaged)).toBeUndefined();
    expect(next.store.ids()).toContain(damaged);
    expect(files.disk.get(damaged)).toBe('{"schemaVersion":');
    await clock.until(() => next.phase(job.metadata.uid) === 'Succeeded', MINUTE);
  });

  it('lets nobody act on jobs that are not read yet', async () => {
    const { clock, files, workers } = await aWorld();
    const main = new Main(files, workers, clock);
    for (const look of [() => main.store.ids(), () => main.store.naming('uploads/x/source'), () => main.store.jobs()]) {
      expect(look).toThrow(/not read yet/);
    }
  });

  it('gives a name once, also to two requests at the same moment', async () => {
    const { clock, main } = await aWorld();
    const [one, other] = [aJob(clock), aJob(clock)];
    const twin = { ...other, metadata: { ...other.metadata, name: one.metadata.name } };
    const results = await Promise.all([main.runtime.submit(one), main.runtime.submit(twin)]);
    expect(results.map((it) => it.created)).toEqual([true, false]);
    expect(results[1]?.job.metadata.uid).toBe(one.metadata.uid);
  });
});

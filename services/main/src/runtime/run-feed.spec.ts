import { describe, expect, it } from 'vitest';
import { FakeWorker } from '../../test/runtime/fake-worker.js';
import { aJob, aWorld } from '../../test/runtime/local-world.js';

const forever = { progress: { fraction: 0.4 } };

async function aTranscribingJob(behave: () => { progress: { fraction: number } } | undefined) {
  const world = await aWorld({ transcriber: { behave } });
  world.workers.streams = true;
  const { clock, main, transcriber } = world;
  const { job } = await main.runtime.submit(aJob(clock, { retries: 0 }));
  await clock.until(() => main.phase(job.metadata.uid) === 'Transcribing');
  const [run = ''] = transcriber.begun;
  await clock.until(() => world.workers.followers(run) === 1);
  return { ...world, id: job.metadata.uid, run };
}

describe('a worker that tells of its runs', () => {
  it('is heard at once, without being asked', async () => {
    let done = false;
    const { clock, main, workers, addresses, id, run } = await aTranscribingJob(() => (done ? undefined : forever));
    await clock.advance(20_000);
    let asked = 0;
    workers.before = (call) => {
      if (call === 'get') asked += 1;
    };
    done = true;
    workers.tell(addresses.transcriber, run);
    await clock.advance(0);
    expect(main.phase(id)).toBe('Succeeded');
    expect(asked).toBe(0);
    expect(workers.followers(run)).toBe(0);
  });

  it('is asked seldom, and yet: a stream may be cut without anyone being told', async () => {
    const { clock, main, workers, id } = await aTranscribingJob(() => forever);
    let asked = 0;
    workers.before = (call) => {
      if (call === 'get') asked += 1;
    };
    await clock.advance(60_000);
    expect(asked).toBeGreaterThan(5);
    expect(asked).toBeLessThan(15);
    expect(main.phase(id)).toBe('Transcribing');
  });

  it('is asked as before once its stream is cut, and followed again a while later', async () => {
    const { clock, workers, run } = await aTranscribingJob(() => forever);
    await clock.advance(20_000);
    workers.streams = false;
    let asked = 0;
    let followed = 0;
    workers.before = (call) => {
      if (call === 'get') asked += 1;
      if (call === 'follow') followed += 1;
    };
    workers.cut(run);
    await clock.advance(10_000);
    expect(asked).toBeGreaterThanOrEqual(10);
    expect(asked).toBeLessThan(15);
    workers.streams = true;
    await clock.advance(2000);
    expect(followed).toBe(1);
  });

  it('is not followed again and again when every stream is cut at once', async () => {
    const { clock, workers, run } = await aTranscribingJob(() => forever);
    let followed = 0;
    workers.before = (call, id) => {
      if (call === 'follow') {
        followed += 1;
        setImmediate(() => workers.cut(id));
      }
    };
    workers.cut(run);
    await clock.advance(30_000);
    expect(followed).toBeGreaterThan(5);
    expect(followed).toBeLessThan(40);
  });

  it('that dies with its stream is found out as soon as its address refuses', async () => {
    const { clock, main, workers, addresses, id, run } = await aTranscribingJob(() => forever);
    await clock.advance(20_000);
    workers.add('transcriber', 'transcriber-2:8001', new FakeWorker());
    workers.away.set(addresses.transcriber, 'refused');
    workers.cut(run);
    await clock.until(() => main.phase(id) === 'Succeeded', 30_000);
    expect(main.store.get(id)?.status.attempts).toMatchObject([{ reason: 'WorkerLost', counted: false }]);
  });

  it('is told to stop a run, and heard when it has', async () => {
    const { clock, main, workers, transcriber, id, run } = await aTranscribingJob(() => forever);
    await main.runtime.edit(id, (job) => ({ ...job, spec: { ...job.spec, cancel: true } }));
    await clock.until(() => main.phase(id) === 'Cancelled', 10_000);
    expect(transcriber.live()).toEqual([]);
    expect(workers.followers(run)).toBe(0);
  });
});

import { type StepRequest, type StepResult, TaskStatus } from '@mediajob/contract';
import { describe, expect, it, vi } from 'vitest';
import { ProblemError } from './problem.js';
import { requestContext, withRequestContext } from './request-context.js';
import { type TaskContext, TaskQueue, type TaskQueueOptions } from './tasks.js';

const jobId = '0f3c9a52-1111-4222-8333-444455556666';
const cleanup = (runId = 'a-cleanup-0-1'): StepRequest => ({ stage: 'cleanup', jobId, runId });
const done: StepResult = { stage: 'cleanup', removed: 1 };
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A queue whose runs the test ends by hand, by run id. */
function aQueue(options: Partial<TaskQueueOptions> = {}) {
  const runs = new Map<string, { end(result: StepResult): void; fail(error: unknown): void; context: TaskContext }>();
  const queue = new TaskQueue({
    instance: 'test-1',
    stages: ['cleanup'],
    concurrency: 1,
    logger: () => silent,
    progressEveryMs: 1,
    run: (request, context) =>
      new Promise((end, fail) => {
        runs.set(request.runId, { end, fail, context });
        context.signal.addEventListener('abort', () => fail(context.signal.reason));
      }),
    ...options,
  });
  const running = async (runId: string) => {
    await vi.waitFor(() => expect(runs.has(runId)).toBe(true), 30_000);
    const run = runs.get(runId);
    if (run === undefined) throw new Error('not running');
    return run;
  };
  const settled = (id: string) =>
    vi.waitFor(() => {
      const status = queue.get(id);
      expect(status.finishedAt).toBeDefined();
      return status;
    }, 30_000);
  return { queue, running, settled };
}

function codeOf(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    if (error instanceof ProblemError) return error.code;
  }
  return 'nothing thrown';
}

describe('a task', () => {
  it('that is put twice with the same content runs once', async () => {
    const { queue, running, settled } = aQueue();
    expect(queue.put('a', cleanup()).created).toBe(true);
    expect(queue.put('a', { runId: 'a-cleanup-0-1', jobId, stage: 'cleanup' }).created).toBe(false);
    (await running('a-cleanup-0-1')).end(done);
    expect(await settled('a')).toMatchObject({ state: 'succeeded', result: done, instance: 'test-1' });
    expect(queue.put('a', cleanup())).toMatchObject({ created: false, status: { state: 'succeeded' } });
  });

  it('that exists with another content is refused', () => {
    const { queue } = aQueue();
    queue.put('a', cleanup());
    expect(codeOf(() => queue.put('a', cleanup('b-cleanup-0-1')))).toBe('task-differs');
  });

  it('of a stage that is not served here is refused, naming the field', () => {
    const { queue } = aQueue({ stages: ['render'] });
    let thrown: unknown;
    try {
      queue.put('a', cleanup());
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'validation-failed', errors: [{ path: 'stage' }] });
  });

  it('waits while as many run as the service takes at once', async () => {
    const { queue, running, settled } = aQueue();
    queue.put('a', cleanup('a'));
    queue.put('b', cleanup('b'));
    expect(queue.get('b').state).toBe('queued');
    expect(queue.list()).toMatchObject({ capacity: 1, running: 1, queued: 1, draining: false });
    (await running('a')).end(done);
    await settled('a');
    (await running('b')).end(done);
    expect((await settled('b')).state).toBe('succeeded');
  });

  it('is listed until it has finished', async () => {
    const { queue, running, settled } = aQueue();
    queue.put('a', cleanup('a'));
    queue.put('b', cleanup('b'));
    expect(queue.list().tasks.map((it) => it.id)).toEqual(['a', 'b']);
    (await running('a')).end(done);
    await settled('a');
    expect(queue.list().tasks.map((it) => it.id)).toEqual(['b']);
  });

  it('beyond the queue is asked to come again', () => {
    const { queue } = aQueue({ maxQueued: 1 });
    queue.put('a', cleanup('a'));
    queue.put('b', cleanup('b'));
    expect(codeOf(() => queue.put('c', cleanup('c')))).toBe('busy');
  });

  it('fails with what its error says of itself', async () => {
    const { queue, running, settled } = aQueue();
    queue.put('a', cleanup('a'));
    const failure = { exitCode: 65, reason: 'UnsupportedMedia', message: 'This is a text file. Choose another.' };
    (await running('a')).fail(Object.assign(new Error('x'), { failure }));
    expect(await settled('a')).toMatchObject({ state: 'failed', failure });
  });

  it('fails as Internal, exit code 70, with any other error', async () => {
    const { queue, running, settled } = aQueue();
    queue.put('a', cleanup('a'));
    (await running('a')).fail(new TypeError('x is not a function'.padEnd(3000, '!')));
    const status = await settled('a');
    expect(status.failure).toMatchObject({ exitCode: 70, reason: 'Internal' });
    expect(() => TaskStatus.parse(status)).not.toThrow();
  });

  it('that waits is cancelled at once and never runs', async () => {
    const { queue, running, settled } = aQueue();
    queue.put('a', cleanup('a'));
    queue.put('b', cleanup('b'));
    expect(queue.cancel('b').state).toBe('cancelled');
    (await running('a')).end(done);
    await settled('a');
    expect(queue.get('b')).toMatchObject({ state: 'cancelled' });
    expect(queue.get('b').startedAt).toBeUndefined();
  });

  it('that runs is cancelled when its run has settled, not before', async () => {
    let settle = () => {};
    const { queue, settled } = aQueue({
      run: (_request, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            settle = () => reject(signal.reason as Error);
          });
        }),
    });
    queue.put('a', cleanup());
    expect(queue.cancel('a').state).toBe('running');
    settle();
    expect((await settled('a')).state).toBe('cancelled');
    expect(queue.cancel('a').state).toBe('cancelled');
  });

  it('that had finished before it was cancelled stays finished', async () => {
    const { queue, running, settled } = aQueue();
    queue.put('a', cleanup('a'));
    (await running('a')).end(done);
    await settled('a');
    expect(queue.cancel('a')).toMatchObject({ state: 'succeeded', result: done });
  });

  it('tells its progress to whoever listens, and its end exactly once', async () => {
    const { queue, running } = aQueue();
    queue.put('a', cleanup('a'));
    const seen: TaskStatus[] = [];
    queue.subscribe('a', (status) => seen.push(status));
    const run = await running('a');
    run.context.progress({ fraction: 0.25 });
    await vi.waitFor(() => expect(seen.at(-1)?.progress).toEqual({ fraction: 0.25 }), 30_000);
    run.end(done);
    await vi.waitFor(() => expect(seen.at(-1)?.state).toBe('succeeded'), 30_000);
    run.context.progress({ fraction: 0.5 });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(seen.filter((it) => it.finishedAt !== undefined)).toHaveLength(1);
  });

  it('tells many steps of progress as few events, the newest among them', async () => {
    const { queue, running } = aQueue({ progressEveryMs: 20 });
    queue.put('a', cleanup('a'));
    const seen: (number | undefined)[] = [];
    const run = await running('a');
    queue.subscribe('a', (status) => seen.push(status.progress?.fraction));
    for (let step = 1; step <= 100; step++) run.context.progress({ fraction: step / 100 });
    await vi.waitFor(() => expect(seen.at(-1)).toBe(1), 30_000);
    expect(seen.length).toBeLessThan(5);
  });

  it('logs under the request that put it', async () => {
    const seen: (string | undefined)[] = [];
    const { queue, settled } = aQueue({
      run: async () => {
        seen.push(requestContext()?.requestId);
        return done;
      },
    });
    withRequestContext({ requestId: 'r-7', traceparent: 't' }, () => queue.put('a', cleanup('a')));
    withRequestContext({ requestId: 'r-8', traceparent: 't' }, () => queue.put('b', cleanup('b')));
    await settled('b');
    expect(seen).toEqual(['r-7', 'r-8']);
  });

  it('that finished is forgotten after a while, and when there are too many', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z');
    const { queue, settled } = aQueue({
      run: async () => done,
      now: () => new Date(now++),
      keepFinished: 2,
      keepFinishedMs: 60_000,
    });
    for (const id of ['a', 'b', 'c']) {
      queue.put(id, cleanup(id));
      await settled(id);
    }
    expect(codeOf(() => queue.get('a'))).toBe('task-not-found');
    expect(queue.get('b').state).toBe('succeeded');
    now += 120_000;
    queue.list();
    expect(codeOf(() => queue.get('c'))).toBe('task-not-found');
  });
});

describe('a queue that shuts down', () => {
  it('takes nothing new, gives back what waits, and lets the run go on until it is stopped', async () => {
    const { queue, running } = aQueue();
    queue.put('a', cleanup('a'));
    queue.put('b', cleanup('b'));
    await running('a');
    queue.stopTaking();
    expect(codeOf(() => queue.put('c', cleanup('c')))).toBe('shutting-down');
    expect(queue.put('a', cleanup('a')).created).toBe(false);
    expect(queue.get('b')).toMatchObject({ state: 'failed', failure: { exitCode: 143, reason: 'Interrupted' } });
    expect(queue.get('a').state).toBe('running');
    await queue.stopRunning();
    expect(queue.get('a')).toMatchObject({ state: 'failed', failure: { exitCode: 143, reason: 'Interrupted' } });
  });
});

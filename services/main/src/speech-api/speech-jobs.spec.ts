import { Annotation, type MediaJob, type Phase, type ServerEvent, type UploadInfo } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import { beforeEach, describe, expect, it } from 'vitest';
import { aJob } from '../../test/medium/given-jobs.js';
import type { NumberedEvent } from '../events/event-source.js';
import { SpeechJobs } from './speech-jobs.js';
import type { SpeechWishes } from './speech-request.js';

const HOUR_MS = 3_600_000;
const wishes: SpeechWishes = { model: 'base', language: 'auto', task: 'transcribe', prompt: undefined };
const anUpload = (id: string, fileName = 'talk.mp3'): UploadInfo => ({
  ...{ schemaVersion: 1, id, fileName, bytes: 10, createdAt: '2026-01-01T00:00:00.000Z', metadata: {} },
});
const FIRST = anUpload('01ARZ3NDEKTSV4RRFFQ69G5FAA');
const SECOND = anUpload('01ARZ3NDEKTSV4RRFFQ69G5FAB');
const never = new AbortController().signal;

class World {
  readonly jobs = new Map<string, MediaJob>();
  readonly discarded: string[] = [];
  readonly retried: string[] = [];
  readonly audits: object[] = [];
  readonly contents = new Map<string, string>();
  /** Somebody else makes the job between our look and our try. */
  beforeCreate: (() => void) | undefined;
  #listeners = new Set<(event: NumberedEvent) => void>();

  readonly speech = new SpeechJobs({
    uploads: {
      checksum: async (id) => this.contents.get(id) ?? 'the same',
      discard: async (id) => void this.discarded.push(id),
    },
    runtime: { byName: async (name) => this.jobs.get(name) },
    jobs: {
      create: async ({ metadata: { name = '', title = '' }, spec }) => {
        this.beforeCreate?.();
        if (this.jobs.has(name)) throw new ProblemError('job-exists', 'There is one.');
        const job = this.put(name, 'Pending', { annotations: { [Annotation.title]: title } });
        this.jobs.set(name, { ...job, spec });
        return { job: this.jobs.get(name) as MediaJob, created: true };
      },
      retry: async (id) => {
        this.retried.push(id);
        const [name, job] = [...this.jobs].find(([, it]) => it.metadata.uid === id) as [string, MediaJob];
        const retried = { ...job, metadata: { ...job.metadata, annotations: { [Annotation.retry]: 'again' } } };
        this.jobs.set(name, retried);
        return retried;
      },
    },
    events: {
      subscribe: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    },
    transcripts: { read: async (id) => ({ segments: [], durationMs: 0, of: id }) as never },
    catalog: {
      models: async () => ({
        models: [
          { name: 'base', installed: true },
          { name: 'small', installed: false },
        ] as never,
      }),
    },
    audit: { record: (event) => void this.audits.push(event) },
    resultTtlMs: HOUR_MS,
  });

  get listeners(): number {
    return this.#listeners.size;
  }

  put(
    name: string,
    phase: Phase,
    over: { annotations?: Record<string, string>; retryToken?: string; message?: string; reason?: string } = {},
  ): MediaJob {
    const job = aJob('uploads/x/source', { ...(over.annotations && { annotations: over.annotations }) });
    const { retryToken, message, reason } = over;
    const failed = {
      type: 'Failed',
      status: 'True',
      reason,
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00.000Z',
    };
    const made = {
      ...job,
      metadata: { ...job.metadata, name },
      status: {
        ...job.status,
        phase,
        ...(retryToken !== undefined && { retryToken }),
        ...(message !== undefined && { message }),
        ...(reason !== undefined && { conditions: [failed] }),
      },
    } as MediaJob;
    this.jobs.set(name, made);
    return made;
  }

  tell(event: ServerEvent): void {
    for (const listener of this.#listeners) listener({ id: '1-1', event });
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

describe('a recording that a client sends', () => {
  it('becomes a job that is removed some time after its end, with the file’s name for a title', async () => {
    const job = await world.speech.begin(wishes, FIRST, '10.0.0.1');
    expect(job.metadata.name).toMatch(/^api-[0-9a-f]{32}$/);
    expect(job.metadata.annotations).toEqual({ [Annotation.title]: 'talk.mp3' });
    expect(job.spec).toMatchObject({
      source: { path: `uploads/${FIRST.id}/source` },
      transcribe: { model: 'base', language: 'auto' },
      ttlSecondsAfterFinished: 3600,
    });
    expect(world.audits).toEqual([
      { action: 'speech.transcribe', actor: '10.0.0.1', object: `jobs/${job.metadata.uid}`, outcome: 'success' },
    ]);
  });

  it('is the same job when it is sent again, and its second copy is removed', async () => {
    const first = await world.speech.begin(wishes, FIRST, undefined);
    const second = await world.speech.begin(wishes, SECOND, undefined);
    expect(second.metadata.uid).toBe(first.metadata.uid);
    expect(world.discarded).toEqual([SECOND.id]);
  });

  it.each<[string, Partial<SpeechWishes>]>([
    ['another language', { language: 'ru' }],
    ['another task', { task: 'translate' }],
    ['another prompt', { prompt: 'Kubernetes' }],
  ])('is another job with %s', async (_, over) => {
    const first = await world.speech.begin(wishes, FIRST, undefined);
    const second = await world.speech.begin({ ...wishes, ...over }, SECOND, undefined);
    expect(second.metadata.name).not.toBe(first.metadata.name);
  });

  it('is the job of whoever was first, when two send it at once', async () => {
    world.beforeCreate = () => {
      const [name] = [...nameTried];
      if (name !== undefined) world.put(name, 'Pending');
    };
    const nameTried = new Set<string>();
    const probe = new World();
    nameTried.add((await probe.speech.begin(wishes, FIRST, undefined)).metadata.name);
    const job = await world.speech.begin(wishes, SECOND, undefined);
    expect(job.metadata.name).toBe([...nameTried][0]);
    expect(world.discarded).toEqual([SECOND.id]);
  });

  it('is tried anew when it failed before', async () => {
    const { metadata } = await world.speech.begin(wishes, FIRST, undefined);
    const failed = world.put(metadata.name, 'Failed');
    await world.speech.begin(wishes, SECOND, undefined);
    expect(world.retried).toEqual([failed.metadata.uid]);
  });

  it.each([
    ['with a model that is not installed', { model: 'small' }, 'model-missing'],
    ['with a model that nobody knows', { model: 'gpt-4o' }, 'model-missing'],
    ['in a language that nobody knows', { language: 'tlh' }, 'validation-failed'],
  ])('%s is refused, and its copy is removed', async (_, over, code) => {
    await expect(world.speech.begin({ ...wishes, ...over }, FIRST, undefined)).rejects.toMatchObject({ code });
    expect(world.discarded).toEqual([FIRST.id]);
    expect(world.audits).toMatchObject([{ outcome: code === 'model-missing' ? 'failed' : 'refused' }]);
  });
});

describe('waiting for a transcript', () => {
  it('ends with the job', async () => {
    const job = world.put('api-1', 'Pending');
    const waiting = world.speech.transcript(job, never);
    await Promise.resolve();
    world.tell({ type: 'job', job: { ...job, status: { ...job.status, phase: 'Transcribing' } } });
    world.tell({ type: 'job', job: { ...job, status: { ...job.status, phase: 'Succeeded' } } });
    expect(await waiting).toMatchObject({ of: job.metadata.uid });
    expect(world.listeners).toBe(0);
  });

  it('is over at once when the job has ended before', async () => {
    const job = world.put('api-1', 'Succeeded');
    expect(await world.speech.transcript(job, never)).toMatchObject({ of: job.metadata.uid });
  });

  it('does not take the failure that a retry has taken back for the end', async () => {
    const job = world.put('api-1', 'Failed', { annotations: { [Annotation.retry]: 'again' } });
    const waiting = world.speech.transcript(job, never);
    await new Promise((resolve) => setImmediate(resolve));
    expect(world.listeners).toBe(1);
    world.tell({ type: 'job', job: { ...job, status: { ...job.status, phase: 'Succeeded', retryToken: 'again' } } });
    expect(await waiting).toMatchObject({ of: job.metadata.uid });
  });

  it.each([
    ['UnsupportedMedia', 'unsupported-media', 'It is damaged.'],
    ['RetriesExhausted', 'worker-failed', 'It is damaged.'],
    ['Cancelled', 'conflict', 'Somebody has cancelled'],
  ])('tells why a job failed: %s', async (reason, code, text) => {
    const job = world.put('api-1', 'Failed', { reason, message: 'It is damaged.' });
    await expect(world.speech.transcript(job, never)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text),
    });
  });

  it('ends when somebody deletes the job', async () => {
    const job = world.put('api-1', 'Pending');
    const waiting = world.speech.transcript(job, never);
    await new Promise((resolve) => setImmediate(resolve));
    world.tell({ type: 'job-deleted', id: job.metadata.uid });
    await expect(waiting).rejects.toMatchObject({ code: 'conflict' });
  });

  it('ends when the client goes away, and leaves the job alone', async () => {
    const job = world.put('api-1', 'Pending');
    const gone = new AbortController();
    const waiting = world.speech.transcript(job, gone.signal);
    gone.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    expect([world.listeners, world.jobs.size, world.discarded]).toEqual([0, 1, []]);
  });
});

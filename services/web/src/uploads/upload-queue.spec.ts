import type { CreateJobInput, MediaJob, UploadStatus } from '@mediajob/contract';
import { describe, expect, it, vi } from 'vitest';
import { ApiError } from '../api/problem.ts';
import { DEFAULT_OPTIONS } from '../preferences/preferences.ts';
import type { TransferEvents } from './transfer.ts';
import { UploadQueue } from './upload-queue.ts';
import { fileKey, type UploadRecord } from './upload-records.ts';

const URL_OF = (n: number) => `/api/v1/uploads/01JD000000000000000000000${n}`;

interface SentFile {
  readonly file: File;
  readonly url: string | undefined;
  readonly events: TransferEvents;
  stopped: boolean;
}

/** A queue whose network, clock and memory are in the hands of the test. */
class Bench {
  readonly transfers: SentFile[] = [];
  readonly timers: { run: () => void; ms: number; off: boolean }[] = [];
  records: UploadRecord[] = [];
  readonly created: CreateJobInput[] = [];
  readonly discarded: string[] = [];
  createJob = async (body: CreateJobInput): Promise<MediaJob> => {
    this.created.push(body);
    return { metadata: { uid: 'job' } } as MediaJob;
  };
  statuses = new Map<string, Partial<UploadStatus>>();
  readonly queue = new UploadQueue({
    startTransfer: async (file, url, events) => {
      const sent = { file, url, events, stopped: false };
      this.transfers.push(sent);
      return {
        stop: () => {
          sent.stopped = true;
        },
      };
    },
    records: {
      all: () => this.records,
      put: (record) => {
        this.records = [...this.records.filter((it) => fileKey(it) !== fileKey(record)), record];
      },
      remove: (key) => {
        this.records = this.records.filter((it) => fileKey(it) !== key);
      },
    },
    createJob: (body) => this.createJob(body),
    uploadStatus: async (id) => this.statuses.get(id) as UploadStatus | undefined,
    discardUpload: async (id) => void this.discarded.push(id),
    now: () => 0,
    soon: (run) => run(),
    later: (run, ms) => {
      const timer = { run, ms, off: false };
      this.timers.push(timer);
      return () => {
        timer.off = true;
      };
    },
  });

  get states(): string[] {
    return this.queue.items.get().map((item) => item.state);
  }

  add(...names: string[]): File[] {
    const files = names.map((name) => new File(['x'.repeat(100)], name, { lastModified: 1 }));
    this.queue.add(files, DEFAULT_OPTIONS);
    return files;
  }

  transfer(at = -1): SentFile {
    const transfer = this.transfers.at(at);
    if (transfer === undefined) throw new Error('nothing is being sent');
    return transfer;
  }

  runTimer(): void {
    const timer = this.timers.at(-1);
    if (timer === undefined || timer.off) throw new Error('nothing is planned');
    timer.run();
  }
}

const settle = () => vi.waitFor(() => undefined);
const unreachable = () => new ApiError('unreachable', 'no answer');

describe('the upload queue', () => {
  it('sends a file and creates its job once every byte is acknowledged', async () => {
    const bench = new Bench();
    bench.add('talk.mp3');
    bench.transfer().events.onAddress(URL_OF(1));
    bench.transfer().events.onProgress(100);
    expect(bench.states).toEqual(['sending']);
    expect(bench.created).toHaveLength(0);
    bench.transfer().events.onComplete(URL_OF(1));
    await settle();
    expect(bench.states).toEqual(['done']);
    expect(bench.created[0]?.spec.source.path).toBe('uploads/01JD0000000000000000000001/source');
    expect(bench.records).toEqual([]);
  });

  it('sends two at once and the others in turn', async () => {
    const bench = new Bench();
    bench.add('a', 'b', 'c');
    expect(bench.states).toEqual(['sending', 'sending', 'queued']);
    bench.transfer(0).events.onComplete(URL_OF(1));
    await settle();
    expect(bench.states).toEqual(['done', 'sending', 'sending']);
  });

  it('stops at a pause, lets the next one go, and resumes where the server stands', async () => {
    const bench = new Bench();
    bench.add('a', 'b', 'c');
    bench.transfer(0).events.onAddress(URL_OF(1));
    await settle();
    const key = bench.queue.items.get()[0]?.key ?? '';
    bench.queue.pause(key);
    expect(bench.transfer(0).stopped).toBe(true);
    expect(bench.states).toEqual(['paused', 'sending', 'sending']);
    bench.queue.resume(key);
    bench.transfer(1).events.onComplete(URL_OF(2));
    await settle();
    expect(bench.transfer().url).toBe(URL_OF(1));
  });

  it('waits out a server that does not answer, longer each time, at most half a minute', async () => {
    const bench = new Bench();
    bench.add('a');
    bench.transfer().events.onAddress(URL_OF(1));
    for (let time = 0; time < 8; time += 1) {
      bench.transfer().events.onError(unreachable());
      expect(bench.states).toEqual(['waiting']);
      bench.runTimer();
      await settle();
    }
    expect(bench.timers.map((timer) => timer.ms)).toEqual([1e3, 2e3, 4e3, 8e3, 16e3, 30e3, 30e3, 30e3]);
    expect(bench.transfer().url).toBe(URL_OF(1));
  });

  it('waits as long as the server asks for', () => {
    const bench = new Bench();
    bench.add('a');
    bench.transfer().events.onError(new ApiError('busy', 'later', { status: 503, retryAfterMs: 90_000 }));
    expect(bench.timers.at(-1)?.ms).toBe(90_000);
  });

  it('sends the file on, not a job, when the last bytes left the browser but were never acknowledged', async () => {
    const bench = new Bench();
    bench.add('a');
    bench.transfer().events.onAddress(URL_OF(1));
    bench.transfer().events.onProgress(100);
    bench.transfer().events.onError(unreachable());
    bench.runTimer();
    await settle();
    expect(bench.created).toHaveLength(0);
    expect(bench.transfers).toHaveLength(2);
  });

  it('creates the job later when the server dies between the last byte and the job', async () => {
    const bench = new Bench();
    const create = bench.createJob;
    bench.createJob = () => Promise.reject(unreachable());
    bench.add('a');
    bench.transfer().events.onComplete(URL_OF(1));
    await settle();
    expect(bench.states).toEqual(['waiting']);
    expect(bench.records).toHaveLength(1);
    bench.createJob = create;
    bench.runTimer();
    await settle();
    expect(bench.states).toEqual(['done']);
    expect(bench.transfers).toHaveLength(1);
  });

  it('tells a refusal and does not try it again by itself', async () => {
    const bench = new Bench();
    bench.add('a', 'b', 'c');
    bench.transfer(0).events.onAddress(URL_OF(1));
    bench.transfer(0).events.onError(new ApiError('unsupported-media', 'no', { status: 415 }));
    await settle();
    expect(bench.states).toEqual(['failed', 'sending', 'sending']);
    expect(bench.queue.items.get()[0]?.error?.code).toBe('unsupported-media');
    expect(bench.timers).toEqual([]);
    expect(bench.records).toEqual([]);
  });

  it.each([409, 423])('asks the server where it stands when it answers %i to a part', async (status) => {
    const bench = new Bench();
    bench.add('a');
    bench.transfer().events.onAddress(URL_OF(1));
    bench.transfer().events.onError(new ApiError('conflict', 'The upload stands at 60.', { status }));
    expect(bench.queue.items.get()[0]).toMatchObject({ state: 'waiting', error: undefined });
    bench.runTimer();
    await settle();
    expect(bench.transfer().url).toBe(URL_OF(1));
  });

  it('tells a conflict over the job: that does not mend itself', async () => {
    const bench = new Bench();
    bench.createJob = () => Promise.reject(new ApiError('job-exists', 'no', { status: 409 }));
    bench.add('a');
    bench.transfer().events.onComplete(URL_OF(1));
    await settle();
    expect(bench.states).toEqual(['failed']);
  });

  it('listens no more to a transfer that was stopped', async () => {
    const bench = new Bench();
    bench.add('a');
    bench.transfer().events.onAddress(URL_OF(1));
    await settle();
    bench.queue.pause(bench.queue.items.get()[0]?.key ?? '');
    bench.transfer().events.onError(unreachable());
    bench.transfer().events.onProgress(50);
    expect(bench.states).toEqual(['paused']);
    expect(bench.queue.items.get()[0]?.sentBytes).toBe(0);
  });

  it('removes what was uploaded from the server when a person cancels', () => {
    const bench = new Bench();
    bench.add('a');
    bench.transfer().events.onAddress(URL_OF(1));
    bench.queue.remove(bench.queue.items.get()[0]?.key ?? '');
    expect(bench.states).toEqual([]);
    expect(bench.discarded).toEqual(['01JD0000000000000000000001']);
    expect(bench.records).toEqual([]);
  });
});

describe('after the page was closed', () => {
  function left(): Bench {
    const bench = new Bench();
    bench.records = [
      {
        name: 'a',
        size: 100,
        lastModified: 1,
        mediaType: '',
        url: URL_OF(1),
        sentBytes: 40,
        options: { ...DEFAULT_OPTIONS, language: 'ru' },
      },
    ];
    return bench;
  }
  const id = '01JD0000000000000000000001';

  it('an unfinished upload says how much is there, and goes on from there when its file is chosen again', async () => {
    const bench = left();
    bench.statuses.set(id, { complete: false, receivedBytes: 60, jobs: [] });
    await bench.queue.restore();
    expect(bench.queue.items.get()[0]).toMatchObject({ state: 'unfinished', sentBytes: 60 });
    bench.add('a');
    expect(bench.transfer().url).toBe(URL_OF(1));
    bench.transfer().events.onComplete(URL_OF(1));
    await settle();
    expect(bench.created[0]?.spec.transcribe?.language).toBe('ru');
  });

  it('a complete upload gets its job without the file', async () => {
    const bench = left();
    bench.statuses.set(id, { complete: true, receivedBytes: 100, jobs: [] });
    await bench.queue.restore();
    await settle();
    expect(bench.states).toEqual(['done']);
    expect(bench.created).toHaveLength(1);
  });

  it('one that has its job already is forgotten', async () => {
    const bench = left();
    bench.statuses.set(id, { complete: true, receivedBytes: 100, jobs: ['j'] });
    await bench.queue.restore();
    expect(bench.states).toEqual([]);
    expect(bench.records).toEqual([]);
  });

  it('one that the server has removed says so, and starts anew with its file', async () => {
    const bench = left();
    await bench.queue.restore();
    expect(bench.states).toEqual(['expired']);
    bench.add('a');
    expect(bench.transfer().url).toBeUndefined();
  });

  it('stays as remembered while the server is away', async () => {
    const bench = left();
    vi.spyOn(bench.statuses, 'get').mockImplementation(() => {
      throw unreachable();
    });
    await bench.queue.restore();
    expect(bench.queue.items.get()[0]).toMatchObject({ state: 'unfinished', sentBytes: 40 });
  });
});

import type { ProgressReport } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { ProgressPoster, type ReportAnswer } from './progress-poster.js';

/** A receiver in the hands of a test: each report waits for its answer. */
class Receiver {
  readonly reports: ProgressReport[] = [];
  readonly said: { level: string; fields: object; message: string }[] = [];
  #answers: { resolve(answer: ReportAnswer): void; reject(error: unknown): void }[] = [];
  #now = 0;
  #timers: { at: number; call: () => void }[] = [];
  readonly poster: ProgressPoster;

  constructor() {
    const log = (level: string) => (fields: object, message: string) => void this.said.push({ level, fields, message });
    this.poster = new ProgressPoster({
      runId: 'run-1',
      send: (report, signal) => {
        this.reports.push(report);
        return new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
          this.#answers.push({ resolve, reject });
        });
      },
      usage: () => ({ cpuSeconds: this.reports.length, maxRssBytes: 1 }),
      log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
      monotonic: () => this.#now,
      after: (ms, call) => {
        const timer = { at: this.#now + ms, call };
        this.#timers.push(timer);
        return () => {
          this.#timers = this.#timers.filter((it) => it !== timer);
        };
      },
      random: () => 1,
    });
  }

  get fractions(): number[] {
    return this.reports.map((it) => it.progress.fraction);
  }

  get waiting(): number {
    return this.#answers.length;
  }

  async answer(status = 204, more: Partial<ReportAnswer> = {}): Promise<void> {
    this.#answers.shift()?.resolve({ status, ...more });
    await settled();
  }

  async fail(message: string): Promise<void> {
    this.#answers.shift()?.reject(new Error(message));
    await settled();
  }

  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter((it) => it.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((it) => it !== next);
      this.#now = next.at;
      next.call();
      await settled();
    }
    this.#now = end;
  }
}

async function settled(): Promise<void> {
  for (let n = 0; n < 10; n++) await Promise.resolve();
}

describe('progress of a run', () => {
  it('is told at once, then at each percent, but never faster than four times a second', async () => {
    const it = new Receiver();
    it.poster.report({ fraction: 0 });
    await it.answer();
    it.poster.report({ fraction: 0.01 });
    expect(it.fractions).toEqual([0]);
    await it.pass(249);
    expect(it.fractions).toEqual([0]);
    await it.pass(1);
    expect(it.fractions).toEqual([0, 0.01]);
  });

  it('that grows slowly is told every two seconds, the newest', async () => {
    const it = new Receiver();
    it.poster.report({ fraction: 0.5 });
    await it.answer();
    for (const fraction of [0.501, 0.502, 0.503]) {
      it.poster.report({ fraction, processedMs: fraction * 1000 });
      await it.pass(500);
    }
    expect(it.fractions).toEqual([0.5]);
    await it.pass(500);
    expect(it.reports[1]).toEqual({
      runId: 'run-1',
      progress: { fraction: 0.503, processedMs: 503 },
      usage: { cpuSeconds: 1, maxRssBytes: 1 },
    });
    await it.answer();
    await it.pass(60_000);
    expect(it.fractions).toEqual([0.5, 0.503]);
  });

  it('is told one report at a time: while one is under way the newest waits', async () => {
    const it = new Receiver();
    it.poster.report({ fraction: 0 });
    for (const fraction of [0.2, 0.4, 0.6]) it.poster.report({ fraction });
    await it.pass(3_000);
    expect({ waiting: it.waiting, fractions: it.fractions }).toEqual({ waiting: 1, fractions: [0] });
    await it.answer();
    expect(it.fractions).toEqual([0, 0.6]);
  });

  it('without an answer for 5 s is given up and told again later', async () => {
    const it = new Receiver();
    it.poster.report({ fraction: 0.1 });
    await it.pass(5_000);
    expect(it.said).toEqual([
      { level: 'warn', fields: { why: 'No answer came in time.' }, message: expect.stringMatching(/goes on without/) },
    ]);
    expect(it.fractions).toEqual([0.1]);
    await it.pass(2_000);
    expect(it.fractions).toEqual([0.1, 0.1]);
  });

  it('that fails comes back less and less often, says so once, and says when it works again', async () => {
    const it = new Receiver();
    it.poster.report({ fraction: 0.1 });
    for (const [waitMs, before] of [
      [2_000, 1],
      [4_000, 2],
      [8_000, 3],
      [16_000, 4],
      [32_000, 5],
      [60_000, 6],
      [60_000, 7],
    ] as const) {
      await it.fail('connection refused');
      await it.pass(waitMs - 1);
      expect(it.reports.length).toBe(before);
      await it.pass(1);
      expect(it.reports.length).toBe(before + 1);
    }
    await it.answer();
    expect(it.said.filter((line) => line.level !== 'debug')).toEqual([
      { level: 'warn', fields: { why: 'connection refused' }, message: expect.anything() },
      { level: 'info', fields: { failures: 7 }, message: 'progress can be reported again' },
    ]);
  });

  it.each([
    [503, 10_000, 10_000],
    [429, 100, 2_000],
    [429, 3_600_000, 60_000],
  ])('answered %i with a wish to wait %i ms waits %i ms', async (status, retryAfterMs, waits) => {
    const it = new Receiver();
    it.poster.report({ fraction: 0.1 });
    await it.answer(status, { retryAfterMs, detail: 'Not now.' });
    it.poster.report({ fraction: 0.9 });
    await it.pass(waits - 1);
    expect(it.fractions).toEqual([0.1]);
    await it.pass(1);
    expect(it.fractions).toEqual([0.1, 0.9]);
    expect(it.said[0]?.fields).toEqual({ why: `it answered ${status}: Not now.` });
  });

  it('is told no more once the job has ended for the receiver', async () => {
    const it = new Receiver();
    it.poster.report({ fraction: 0.1 });
    await it.answer(409);
    it.poster.report({ fraction: 0.9 });
    await it.pass(120_000);
    await it.poster.close();
    expect(it.fractions).toEqual([0.1]);
    expect(it.said).toEqual([]);
  });
});

describe('at the end of a run', () => {
  it('what was not told yet is told, however soon', async () => {
    const it = new Receiver();
    it.poster.report({ fraction: 0.9 });
    it.poster.report({ fraction: 1 });
    const closing = it.poster.close();
    await it.answer();
    await it.answer();
    await closing;
    expect(it.fractions).toEqual([0.9, 1]);
  });

  it('nothing is told twice', async () => {
    const it = new Receiver();
    it.poster.report({ fraction: 1 });
    await it.answer();
    await it.poster.close();
    await it.poster.close();
    expect(it.fractions).toEqual([1]);
  });

  it('a report that failed is tried once more, though its time has not come', async () => {
    const it = new Receiver();
    it.poster.report({ fraction: 1 });
    await it.fail('reset');
    const closing = it.poster.close();
    await settled();
    await it.answer();
    await closing;
    expect(it.fractions).toEqual([1, 1]);
  });

  it('a receiver that never answers holds it up for 2 s, all in all', async () => {
    const it = new Receiver();
    it.poster.report({ fraction: 0.9 });
    it.poster.report({ fraction: 1 });
    let closed = false;
    void it.poster.close().then(() => {
      closed = true;
    });
    await it.pass(1_999);
    expect(closed).toBe(false);
    await it.pass(1);
    expect(closed).toBe(true);
    await it.pass(120_000);
    it.poster.report({ fraction: 1 });
    expect(it.fractions).toEqual([0.9]);
  });

  it('a run that told nothing tells nothing', async () => {
    const it = new Receiver();
    await it.poster.close();
    expect(it.reports).toEqual([]);
  });
});

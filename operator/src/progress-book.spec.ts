import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProgressBook } from './progress-book.js';

const UID = '11111111-2222-4333-8444-555555555555';
const RUN = `${UID}-transcribe-0-1-1`;

describe('the book of progress', () => {
  it('tells the last that a run said', () => {
    const book = new ProgressBook();
    expect(book.get(UID, RUN)).toBeUndefined();
    expect(book.update(UID, RUN, { fraction: 0.25, realtimeFactor: 12 }, { cpuSeconds: 3, maxRssBytes: 9 })).toBe(true);
    expect(book.get(UID, RUN)).toEqual({
      progress: { fraction: 0.25, realtimeFactor: 12 },
      usage: { cpuSeconds: 3, maxRssBytes: 9 },
    });
  });

  it('never goes back, in whatever order reports come', () => {
    const report = fc.record({
      fraction: fc.double({ min: 0, max: 1, noNaN: true }),
      processedMs: fc.nat({ max: 10_000 }),
      cpuSeconds: fc.nat({ max: 100 }),
    });
    fc.assert(
      fc.property(fc.array(report, { minLength: 1, maxLength: 30 }), (reports) => {
        const book = new ProgressBook();
        let fraction = 0;
        let cpu = 0;
        for (const it of reports) {
          book.update(
            UID,
            RUN,
            { fraction: it.fraction, processedMs: it.processedMs },
            { cpuSeconds: it.cpuSeconds, maxRssBytes: 1 },
          );
          const told = book.get(UID, RUN);
          expect(told?.progress.fraction).toBeGreaterThanOrEqual(fraction);
          expect(told?.usage?.cpuSeconds).toBeGreaterThanOrEqual(cpu);
          fraction = told?.progress.fraction ?? 0;
          cpu = told?.usage?.cpuSeconds ?? 0;
        }
        expect(fraction).toBe(Math.max(...reports.map((it) => it.fraction)));
      }),
    );
  });

  it('keeps the speed of the furthest report', () => {
    const book = new ProgressBook();
    book.update(UID, RUN, { fraction: 0.5, realtimeFactor: 10 });
    book.update(UID, RUN, { fraction: 0.2, realtimeFactor: 99 });
    expect(book.get(UID, RUN)?.progress.realtimeFactor).toBe(10);
    book.update(UID, RUN, { fraction: 0.6 });
    expect(book.get(UID, RUN)?.progress).toEqual({ fraction: 0.6, realtimeFactor: 10 });
  });

  it('says so once for each report that is new, and not for one that comes again', () => {
    const book = new ProgressBook();
    const changed: string[] = [];
    const end = book.onChange((uid) => changed.push(uid));
    book.update(UID, RUN, { fraction: 0.5 });
    expect(book.update(UID, RUN, { fraction: 0.5 })).toBe(false);
    expect(book.update(UID, RUN, { fraction: 0.4 })).toBe(false);
    expect(changed).toEqual([UID]);
    end();
    book.update(UID, RUN, { fraction: 0.9 });
    expect(changed).toEqual([UID]);
  });

  it('forgets one run, and all of a job', () => {
    const book = new ProgressBook();
    book.update(UID, RUN, { fraction: 0.5 });
    book.update(UID, 'other', { fraction: 0.5 });
    book.drop(UID, RUN);
    expect(book.get(UID, RUN)).toBeUndefined();
    expect(book.size).toBe(1);
    book.drop(UID);
    expect(book.size).toBe(0);
  });
});

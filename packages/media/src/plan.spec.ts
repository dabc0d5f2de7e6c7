import { ChunkPlan, type PlanParameters } from '@mediajob/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aMap, noise, type Piece, speech } from '../test/signals.js';
import type { AudioMap } from './analyze.js';
import { planChunks } from './plan.js';
import { speechSpans } from './speech-map.js';
import { MAX_PAUSE_MS, MIN_WINDOW_MS } from './windows.js';

const FLOOR = -70;
const pause = (ms: number) => noise(ms, FLOOR);
const talk = (ms: number) => speech(ms, -25);
const parameters = (targetMs = 300_000, windowMs = 30_000): PlanParameters => ({ targetMs, windowMs });
const windowsOf = (map: AudioMap, p = parameters()) => planChunks(map, p).chunks.flatMap((chunk) => chunk.windows);
const times = (n: number, ...pieces: Piece[]) => Array.from({ length: n }, () => pieces).flat();

describe('chunks', () => {
  it('are none when nobody speaks', () => {
    expect(planChunks(aMap(noise(600_000, -100)), parameters()).chunks).toEqual([]);
    expect(planChunks(aMap(), parameters())).toMatchObject({ durationMs: 0, speechMs: 0, chunks: [] });
  });

  it('is one for a recording no longer than the target', () => {
    const plan = planChunks(aMap(pause(1000), talk(20_000), pause(1000)), parameters());
    expect(plan.chunks.map(({ startMs, endMs }) => [startMs, endMs])).toEqual([[0, 22_000]]);
  });

  it('are cut in the middle of the longest silence near the target', () => {
    const map = aMap(talk(25_000), pause(400), talk(4000), pause(1500), talk(3000), pause(400), talk(25_700));
    const [first, second] = planChunks(map, parameters(30_000)).chunks;
    expect(first?.endMs).toBeGreaterThan(29_400 + 400);
    expect(first?.endMs).toBeLessThan(30_900 - 400);
    expect(second?.startMs).toBe(first?.endMs);
  });

  it('are cut at the ideal place inside a silence of minutes', () => {
    const map = aMap(talk(60_000), pause(180_000), talk(60_000));
    expect(planChunks(map, parameters(150_000)).chunks.map((chunk) => chunk.endMs)).toEqual([150_000, 300_000]);
  });

  it('are cut at the quietest frame where speech never pauses', () => {
    const map = aMap(talk(31_000), noise(100, -45), talk(28_900));
    expect(speechSpans(map)).toHaveLength(1);
    const [first] = planChunks(map, parameters(30_000)).chunks;
    expect(first?.endMs).toBeGreaterThanOrEqual(31_000);
    expect(first?.endMs).toBeLessThanOrEqual(31_100);
  });

  it('are about as long as the target', () => {
    const map = aMap(...times(200, talk(5000), pause(700)));
    const lengths = planChunks(map, parameters(120_000)).chunks.map((chunk) => chunk.endMs - chunk.startMs);
    expect(lengths).toHaveLength(Math.ceil(map.durationMs / 120_000));
    expect(Math.min(...lengths)).toBeGreaterThan(60_000);
    expect(Math.max(...lengths)).toBeLessThan(170_000);
  });
});

describe('windows', () => {
  it('leave a little room around speech and leave out long silence', () => {
    const map = aMap(pause(20_000), talk(5000), pause(20_000), talk(5000), pause(20_000));
    const windows = windowsOf(map);
    expect(windows).toHaveLength(2);
    const [first, second] = windows;
    expect(first?.startMs).toBeLessThanOrEqual(19_800);
    expect(first?.startMs).toBeGreaterThanOrEqual(19_600);
    expect(first?.endMs).toBeGreaterThanOrEqual(25_200);
    expect(first?.endMs).toBeLessThanOrEqual(25_600);
    expect(second?.startMs).toBeGreaterThan(44_000);
  });

  it('pack neighbouring speech with the pauses between', () => {
    expect(windowsOf(aMap(...times(6, talk(3000), pause(1000))))).toHaveLength(1);
  });

  it('are as few as can be', () => {
    const map = aMap(...times(12, talk(9000), pause(600)));
    expect(windowsOf(map)).toHaveLength(4);
  });

  it('are cut at the longer pause where the number stays the same', () => {
    const map = aMap(talk(12_000), pause(1500), talk(12_000), pause(300), talk(12_000), pause(400));
    const [first] = windowsOf(map);
    expect(first?.endMs).toBeGreaterThan(12_000);
    expect(first?.endMs).toBeLessThan(13_500);
  });

  it('cut speech without a pause at its quietest places', () => {
    const map = aMap(talk(26_000), noise(100, -45), talk(40_000));
    const windows = windowsOf(map);
    expect(windows[0]?.endMs).toBeGreaterThanOrEqual(26_000);
    expect(windows[0]?.endMs).toBeLessThanOrEqual(26_100);
    expect(windows[1]?.startMs).toBe(windows[0]?.endMs);
  });

  it('are wide enough for whisper where one short word stands alone', () => {
    const map = aMap(pause(30_000), talk(200), pause(30_000));
    const [window] = windowsOf(map);
    expect((window?.endMs ?? 0) - (window?.startMs ?? 0)).toBeGreaterThanOrEqual(MIN_WINDOW_MS);
  });

  it('hold a whole short recording', () => {
    expect(windowsOf(aMap(pause(100), talk(700), pause(100)))).toEqual([{ startMs: 0, endMs: 900 }]);
  });
});

const piece = fc.oneof(
  fc
    .tuple(fc.integer({ min: 20, max: 70_000 }), fc.integer({ min: -45, max: -10 }))
    .map(([ms, level]) => speech(ms, level)),
  fc
    .tuple(fc.integer({ min: 20, max: 20_000 }), fc.constantFrom(-100, -80, -60, -40))
    .map(([ms, level]) => noise(ms, level)),
  fc.integer({ min: 20, max: 1500 }).map((ms) => noise(ms, -65)),
);
const aRecording = fc
  .tuple(fc.array(piece, { maxLength: 30 }), fc.integer({ min: 0, max: 19 }))
  .map(([pieces, cut]) => {
    const map = aMap(...pieces);
    return { ...map, durationMs: Math.max(0, map.durationMs - (map.durationMs > 0 ? cut : 0)) };
  });
const anyParameters = fc.record({
  targetMs: fc.integer({ min: 30_000, max: 600_000 }),
  windowMs: fc.integer({ min: 5_000, max: 30_000 }),
});

describe('a plan, whatever the recording', () => {
  const always = (promise: (map: AudioMap, p: PlanParameters, plan: ReturnType<typeof planChunks>) => void) =>
    fc.assert(
      fc.property(aRecording, anyParameters, (map, p) => {
        promise(map, p, planChunks(map, p));
      }),
      { numRuns: 150 },
    );

  it('is a document of the contract', () => {
    always((_map, _p, plan) => expect(ChunkPlan.parse(plan)).toEqual(plan));
  });

  it('covers the recording without gap or overlap, or has no chunk and no speech', () => {
    always((map, _p, { chunks, speechMs }) => {
      if (chunks.length === 0) {
        expect(speechMs).toBe(0);
        return;
      }
      expect(chunks[0]?.startMs).toBe(0);
      expect(chunks.at(-1)?.endMs).toBe(map.durationMs);
      chunks.forEach((chunk, i) => {
        expect(chunk.index).toBe(i);
        expect(chunk.endMs).toBeGreaterThan(chunk.startMs);
        if (i > 0) expect(chunk.startMs).toBe(chunks[i - 1]?.endMs);
      });
    });
  });

  it('has windows in order, inside their chunk, none longer than asked', () => {
    always((_map, { windowMs }, { chunks }) => {
      for (const chunk of chunks) {
        let last = chunk.startMs;
        for (const window of chunk.windows) {
          expect(window.startMs).toBeGreaterThanOrEqual(last);
          expect(window.endMs).toBeGreaterThan(window.startMs);
          expect(window.endMs - window.startMs).toBeLessThanOrEqual(windowMs);
          last = window.endMs;
        }
        expect(last).toBeLessThanOrEqual(chunk.endMs);
      }
    });
  });

  it('has every moment of speech in a window', () => {
    always((map, _p, { chunks }) => {
      const windows = chunks.flatMap((chunk) => chunk.windows);
      let at = 0;
      for (const span of speechSpans(map)) {
        for (let ms = span.startMs; ms < span.endMs; ) {
          while (at < windows.length && (windows[at]?.endMs ?? 0) <= ms) at += 1;
          expect(windows[at]?.startMs ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(ms);
          ms = windows[at]?.endMs ?? span.endMs;
        }
      }
    });
  });

  it('leaves out every silence that is much longer than a pause', () => {
    always((map, _p, { chunks }) => {
      const spans = speechSpans(map);
      for (const window of chunks.flatMap((chunk) => chunk.windows)) {
        const inside = spans.filter((span) => span.endMs > window.startMs && span.startMs < window.endMs);
        inside.slice(1).forEach((span, i) => {
          expect(span.startMs - (inside[i]?.endMs ?? 0)).toBeLessThanOrEqual(MAX_PAUSE_MS + 650);
        });
      }
    });
  });

  it('never cuts speech between chunks where a silence was in reach', () => {
    always((map, { targetMs }, { chunks }) => {
      const spans = speechSpans(map);
      const step = map.durationMs / Math.max(1, Math.ceil(map.durationMs / targetMs));
      chunks.slice(1).forEach((chunk, i) => {
        const cut = chunk.startMs;
        const broken = spans.find((span) => span.startMs < cut && span.endMs > cut);
        if (broken === undefined) return;
        const ideal = (i + 1) * step;
        expect(broken.startMs).toBeLessThan(ideal - 0.2 * step + 101);
        expect(broken.endMs).toBeGreaterThan(ideal + 0.2 * step - 101);
      });
    });
  });

  it('is the same every time', () => {
    always((map, p, plan) => expect(planChunks(map, p)).toEqual(plan));
  });
});

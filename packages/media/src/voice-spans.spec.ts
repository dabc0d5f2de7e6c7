import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Span } from './speech-map.js';
import { voiceSpans } from './voice-spans.js';

/** Steps of 32 ms: [how many, how likely a voice is]. */
const voice = (...pieces: [number, number][]) => ({
  stepMs: 32,
  likely: Uint8Array.from(pieces.flatMap(([steps, p]) => Array<number>(steps).fill(Math.round(255 * p)))),
});
const spans = (...list: [number, number][]): Span[] => list.map(([startMs, endMs]) => ({ startMs, endMs }));

describe('speech by loudness and network', () => {
  it.each<[string, Span[], ReturnType<typeof voice>, Span[]]>([
    [
      'keeps the edges that loudness gives',
      spans([1000, 3000]),
      voice([40, 0], [50, 0.95], [40, 0]),
      spans([1000, 3000]),
    ],
    ['drops a loud sound without a voice', spans([500, 6000]), voice([200, 0.05]), []],
    ['drops music that makes it wonder', spans([500, 6000]), voice([50, 0.05], [30, 0.3], [120, 0.1]), []],
    ['keeps what it half believes', spans([1000, 2000]), voice([35, 0], [20, 0.45], [60, 0]), spans([1000, 2000])],
    ['hears a voice that is no louder than the noise', [], voice([50, 0], [50, 0.9], [50, 0]), spans([1600, 3200])],
    ['takes no click for a voice', [], voice([50, 0], [2, 0.9], [50, 0]), []],
    [
      'cuts music off a voice, 400 ms from it',
      spans([0, 9600]),
      voice([100, 0.02], [100, 0.9], [100, 0.02]),
      spans([2800, 6800]),
    ],
    [
      'finds the pause under a fan that loudness does not see',
      spans([0, 9600]),
      voice([100, 0.9], [100, 0.02], [100, 0.9]),
      spans([0, 3600], [6000, 9600]),
    ],
  ])('%s', (_, loud, heard, want) => {
    expect(voiceSpans(loud, heard, heard.likely.length * 32)).toEqual(want);
  });

  it('is in order, at least 200 ms apart, inside the recording, and holds all that is surely a voice', () => {
    const pieces = fc.array(fc.tuple(fc.integer({ min: 1, max: 80 }), fc.double({ min: 0, max: 1, noNaN: true })), {
      maxLength: 20,
    });
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 30_000 }), { maxLength: 20 }).map((list) => {
      const sorted = list.sort((a, b) => a - b);
      return sorted.flatMap((at, i): Span[] => (i % 2 === 1 ? [{ startMs: sorted[i - 1] as number, endMs: at }] : []));
    });
    fc.assert(
      fc.property(pieces, times, (parts, loud) => {
        const heard = voice(...parts);
        const durationMs = heard.likely.length * 32;
        const found = voiceSpans(loud, heard, durationMs);
        found.forEach((span, i) => {
          expect(span.endMs).toBeGreaterThan(span.startMs);
          expect(span.startMs).toBeGreaterThanOrEqual(i === 0 ? 0 : (found[i - 1] as Span).endMs + 200);
          expect(span.endMs).toBeLessThanOrEqual(durationMs);
        });
        let at = 0;
        for (const [steps, p] of parts) {
          const end = at + steps * 32;
          if (p > 0.51 && steps >= 3) {
            const start = at;
            expect(found.some((span) => span.startMs <= start && span.endMs >= end)).toBe(true);
          }
          at = end;
        }
      }),
    );
  });
});

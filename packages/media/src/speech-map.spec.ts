import { describe, expect, it } from 'vitest';
import { aMap, noise, type Piece, speech } from '../test/signals.js';
import { speechSpans } from './speech-map.js';

const spansOf = (...pieces: Piece[]) => speechSpans(aMap(...pieces));

/** Each span begins and ends within 100 ms of what is wanted. */
function expectSpans(spans: readonly { startMs: number; endMs: number }[], ...want: [number, number][]): void {
  expect(spans.map((span) => [Math.round(span.startMs / 200) * 200, Math.round(span.endMs / 200) * 200])).toEqual(want);
}

describe('where somebody may be speaking', () => {
  it('is nowhere in digital silence', () => {
    expect(spansOf(noise(30_000, -100))).toEqual([]);
  });

  it('is nowhere in an empty recording', () => {
    expect(spansOf()).toEqual([]);
  });

  it.each([-90, -70, -50, -30, -15])('is nowhere in steady noise of %i dB', (level) => {
    expect(spansOf(noise(60_000, level))).toEqual([]);
  });

  it.each([
    ['a loud speaker in a quiet room', -20, -75],
    ['a quiet speaker in a quiet room', -55, -75],
    ['a loud speaker beside a fan', -20, -35],
    ['a speaker in a noisy car', -22, -30],
    ['a speaker in a recording without any noise', -30, -100],
  ])('is where %s speaks, and not in between', (_name, level, floor) => {
    const spans = spansOf(
      noise(2000, floor),
      speech(4000, level),
      noise(1000, floor),
      speech(3000, level),
      noise(2000, floor),
    );
    expectSpans(spans, [2000, 6000], [7000, 10_000]);
  });

  it('follows the noise when the microphone changes', () => {
    const spans = spansOf(
      noise(30_000, -75),
      speech(3000, -40),
      noise(30_000, -75),
      noise(30_000, -45),
      speech(3000, -20),
      noise(30_000, -45),
    );
    const found = (from: number, to: number) => spans.some((span) => span.startMs < to && span.endMs > from);
    expect(found(30_000, 33_000)).toBe(true);
    expect(found(93_000, 96_000)).toBe(true);
    expect(found(2_000, 28_000)).toBe(false);
    expect(found(112_000, 125_000)).toBe(false);
  });

  it('is where a quiet voice speaks beside a loud bang', () => {
    const spans = spansOf(noise(3000, -65), speech(3000, -45), noise(2000, -65), noise(300, -3), noise(3000, -65));
    expect(spans[0]?.startMs).toBeLessThanOrEqual(3100);
    expect(spans[0]?.endMs).toBeGreaterThanOrEqual(5800);
  });

  it('is where one short word stands in a long silence', () => {
    const spans = spansOf(noise(60_000, -70), speech(300, -30), noise(60_000, -70));
    expectSpans(spans, [60_000, 60_400]);
  });

  it('ends at a pause of 200 ms, and not at the closure of a consonant', () => {
    expectSpans(
      spansOf(noise(1000, -70), speech(1000, -25), noise(120, -70), speech(1000, -25), noise(1000, -70)),
      [1000, 3200],
    );
    expect(
      spansOf(noise(1000, -70), speech(1000, -25), noise(300, -70), speech(1000, -25), noise(1000, -70)),
    ).toHaveLength(2);
  });

  it('leaves out a click far from everything, and keeps one beside a word', () => {
    expectSpans(
      spansOf(noise(3000, -70), noise(40, -20), noise(3000, -70), speech(1000, -25), noise(2000, -70)),
      [6000, 7000],
    );
    const beside = spansOf(noise(3000, -70), noise(40, -20), noise(220, -70), speech(1000, -25), noise(2000, -70));
    expect(beside[0]?.startMs).toBe(3000);
  });

  it('does not pass the end of the recording', () => {
    const map = { ...aMap(noise(1000, -70), speech(1000, -20)), durationMs: 1990 };
    expect(speechSpans(map).at(-1)?.endMs).toBe(1990);
  });
});

import type { ChunkPlan, Part, Segment } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import {
  compressionRatioOf,
  type HeardSegment,
  loops,
  MergeError,
  mergeParts,
  segmentOf,
  segmentsOf,
} from './segments.js';

function heard(text: string, change: Partial<HeardSegment> = {}): HeardSegment {
  const pieces = text.match(/\s?\S+/g) ?? [];
  const { startMs = 1000, endMs = 1000 + 300 * pieces.length } = change;
  const step = (endMs - startMs) / Math.max(1, pieces.length);
  return {
    startMs,
    endMs,
    tokens: pieces.map((piece, i) => ({
      id: i,
      bytes: new TextEncoder().encode(piece),
      probability: 0.9,
      startMs: startMs + step * i,
      endMs: startMs + step * (i + 1),
    })),
    noSpeechProbability: 0.01,
    avgLogprob: -0.2,
    temperature: 0,
    ...change,
  };
}
const window = { startMs: 0, endMs: 30_000 };

describe('a segment', () => {
  it('has text, and words that lie inside it', () => {
    const segment = segmentOf(heard(' Ask not what your country can do for you.'), 'en', window);
    expect(segment.text).toBe('Ask not what your country can do for you.');
    expect(segment.words.map((it) => it.text).join(' ')).toBe(segment.text);
    expect(segment).toMatchObject({ startMs: 1000, endMs: 3700, doubts: [] });
  });

  it('shares its time among its words when the engine gave no times for tokens', () => {
    const it0 = heard(' one two');
    const timeless = { ...it0, tokens: it0.tokens.map((token) => ({ ...token, startMs: 0, endMs: 0 })) };
    const { words } = segmentOf(timeless, 'en', window);
    expect(words.map(({ startMs, endMs }) => [startMs, endMs])).toEqual([
      [1000, 1300],
      [1300, 1600],
    ]);
  });

  it('is doubtful when it repeats itself', () => {
    const loop = segmentOf(heard(' thank you for watching'.repeat(12)), 'en', window);
    expect(loop.compressionRatio).toBeGreaterThan(2.4);
    expect(loop.doubts).toContain('repetition');
    expect(segmentOf(heard(' no, no, no, no, no'), 'en', window).doubts).toEqual(['repetition']);
    expect(segmentOf(heard(' no, no, no, no'), 'en', window).doubts).toEqual([]);
  });

  it('is doubtful when the engine was unsure or heard no speech', () => {
    expect(segmentOf(heard(' so', { avgLogprob: -1.2 }), 'en', window).doubts).toEqual(['low-confidence']);
    expect(segmentOf(heard(' so', { noSpeechProbability: 0.7 }), 'en', window).doubts).toEqual(['no-speech']);
  });
});

describe('the segments of a window', () => {
  it('leave out what was invented on silence, by both signs and never by its text', () => {
    const thanks = ' Thank you for watching!';
    const invented = heard(thanks, { noSpeechProbability: 0.8, avgLogprob: -1.3 });
    const sure = heard(thanks, { noSpeechProbability: 0.8, avgLogprob: -0.3, startMs: 5000, endMs: 6000 });
    expect(segmentsOf([invented, sure], 'en', window)).toMatchObject([{ startMs: 5000, doubts: ['no-speech'] }]);
  });

  it('leave out what has no word', () => {
    expect(segmentsOf([heard(''), heard(' \n')], 'en', window)).toEqual([]);
  });

  it('do not overlap although the engine’s do', () => {
    const segments = segmentsOf(
      [heard(' one two three'), heard(' four five', { startMs: 1500, endMs: 2200 })],
      'en',
      window,
    );
    expect(segments[1]?.startMs).toBeGreaterThanOrEqual(segments[0]?.endMs ?? 0);
  });
});

describe('loops', () => {
  it('are found for phrases, not only words', () => {
    expect(loops('ich bin hier ich bin hier ich bin hier ich bin hier ich bin hier'.split(' '))).toBe(true);
    expect(loops('the cat and the dog and the bird and the fish and the horse'.split(' '))).toBe(false);
    expect(loops([])).toBe(false);
  });
});

describe('the compression ratio', () => {
  it('is Whisper’s: bytes of text by bytes after zlib', () => {
    expect(compressionRatioOf('')).toBe(0);
    expect(compressionRatioOf('And so, my fellow Americans, ask not what your country can do for you.')).toBeLessThan(
      1.3,
    );
    expect(compressionRatioOf('да '.repeat(100))).toBeGreaterThan(10);
  });
});

describe('merging parts', () => {
  const plan: ChunkPlan = {
    schemaVersion: 1,
    durationMs: 20_000,
    speechMs: 20_000,
    parameters: { targetMs: 30_000, windowMs: 30_000 },
    chunks: [
      { index: 0, startMs: 0, endMs: 10_000, windows: [{ startMs: 0, endMs: 10_000 }] },
      { index: 1, startMs: 10_000, endMs: 20_000, windows: [{ startMs: 10_000, endMs: 20_000 }] },
    ],
  };
  const part = (chunk: number, segments: Segment[]): Part => ({
    schemaVersion: 1,
    chunk,
    startMs: chunk * 10_000,
    endMs: (chunk + 1) * 10_000,
    keySha256: '0'.repeat(64),
    language: 'en',
    segments,
    engine: { name: 'e', version: '1', model: 'm' },
  });
  const segment = (text: string, startMs: number, endMs: number) =>
    segmentOf(heard(text, { startMs, endMs }), 'en', { startMs, endMs });

  it('puts them in the order of the plan, whatever order they come in', () => {
    const merged = mergeParts(
      [part(1, [segment(' two', 11_000, 12_000)]), part(0, [segment(' one', 1000, 2000)])],
      plan,
    );
    expect(merged.map((it) => it.text)).toEqual(['one', 'two']);
  });

  it('keeps words inside their chunk and strictly increasing across the border', () => {
    const merged = mergeParts(
      [part(0, [segment(' one two', 9000, 10_400)]), part(1, [segment(' three', 9_900, 10_300)])],
      plan,
    );
    const words = merged.flatMap((it) => it.words);
    expect(words[1]?.endMs).toBeLessThanOrEqual(10_000);
    expect(words[2]?.startMs).toBeGreaterThanOrEqual(10_000);
    for (const it of merged) expect([it.startMs, it.endMs]).toEqual([it.words[0]?.startMs, it.words.at(-1)?.endMs]);
  });

  it('names the chunk whose part is missing', () => {
    expect(() => mergeParts([part(0, [])], plan)).toThrow(
      new MergeError('The part of chunk 1 is missing: its transcribe run has to be done again.'),
    );
  });

  it('refuses parts of another plan and parts that are there twice', () => {
    expect(() => mergeParts([part(0, []), { ...part(1, []), startMs: 9000 }], plan)).toThrow(/another plan/);
    expect(() => mergeParts([part(0, []), part(0, [])], plan)).toThrow(/same chunk/);
  });

  it('takes a day of speech', () => {
    const chunks = Array.from({ length: 288 }, (_, index) => ({
      index,
      startMs: index * 300_000,
      endMs: (index + 1) * 300_000,
      windows: [],
    }));
    const parts = chunks.map((chunk) => ({
      ...part(chunk.index, [segment(' word'.repeat(750), chunk.startMs, chunk.endMs)]),
      startMs: chunk.startMs,
      endMs: chunk.endMs,
    }));
    const merged = mergeParts(parts, { ...plan, durationMs: 86_400_000, chunks });
    expect(merged.flatMap((it) => it.words)).toHaveLength(216_000);
    expect(merged.at(-1)?.endMs).toBe(86_400_000);
  });
});

import type { Transcript } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { conversation, jfk } from '../../test/mock/transcripts.ts';
import { indexTranscript, paragraphAt, plainText, wordAt, wordAtPlace } from './transcript-index.ts';
import { searchTranscript } from './transcript-search.ts';

const NONE = new Map<number, string>();
describe('the index of a transcript', () => {
  it('finds every word at its place in the text', () => {
    const transcript = conversation('ru', 2_000);
    const index = indexTranscript(transcript, NONE);
    expect(index.words).toHaveLength(transcript.word_segments.length);
    const words = index.words.map((word) => index.paragraphs[word.paragraph]?.text.slice(word.from, word.to));
    expect(words).toEqual(transcript.word_segments.map((word) => word.word));
  });

  it('keeps all the text, in order', () => {
    const transcript = conversation('en', 1_000);
    const joined = transcript.segments.map((segment) => segment.text.trim()).join(' ');
    expect(plainText(indexTranscript(transcript, NONE)).replaceAll(/\s+/g, ' ')).toBe(joined);
  });

  it('begins a paragraph after a pause and puts doubtful segments into their own', () => {
    const index = indexTranscript(conversation('en', 2_000), NONE);
    for (const at of index.doubtful) expect(index.paragraphs[at]?.doubts.length).toBeGreaterThan(0);
    expect(index.doubtful.length).toBeGreaterThan(3);
    expect(Math.max(...index.paragraphs.map((paragraph) => paragraph.text.length))).toBeLessThan(900);
  });

  it('gives speech without words a paragraph of its own at its time, which is doubtful and adds no text', () => {
    const whole = jfk();
    const omissions = [
      { start: 3.95, end: 4.05 },
      { start: 10.7, end: 14 },
    ];
    const index = indexTranscript({ ...whole, omissions }, NONE);
    expect(index.paragraphs.map(({ startMs, doubts, segments }) => [startMs, doubts, segments.length])).toEqual([
      [320, [], 1],
      [3_950, ['omission'], 0],
      [4_100, [], 2],
      [10_700, ['omission'], 0],
    ]);
    expect(index.doubtful).toEqual([1, 3]);
    expect(plainText(index).split('\n\n')).toHaveLength(2);
    const words = index.words.map((word) => index.paragraphs[word.paragraph]?.text.slice(word.from, word.to));
    expect(words).toEqual(whole.word_segments.map((it) => it.word));
    expect(indexTranscript({ ...whole, segments: [], omissions }, NONE).paragraphs).toHaveLength(2);
  });

  it('tells the language of a segment where it is not that of the transcript', () => {
    const { segments, ...rest } = jfk();
    const mixed = { ...rest, segments: segments.map((it, i) => ({ ...it, language: i === 1 ? 'ru' : 'en' })) };
    const languages = (transcript: Transcript) =>
      indexTranscript(transcript, NONE).paragraphs.flatMap((it) => it.segments.map((segment) => segment.language));
    expect(languages(mixed)).toEqual([undefined, 'ru', undefined]);
    expect(languages({ ...mixed, task: 'translate' })).toEqual([undefined, undefined, undefined]);
  });

  it('writes languages without spaces without spaces', () => {
    const chinese: Transcript = { ...jfk(), language: 'zh' };
    expect(indexTranscript(chinese, NONE).separator).toBe('');
  });

  it('shows a corrected text, and still finds the words that were left as they were', () => {
    const index = indexTranscript(jfk(), new Map([[1, 'ask never what your country can do for you,']]));
    expect(index.paragraphs[0]?.text).toContain('ask never what');
    expect(index.paragraphs[0]?.segments[1]?.edited).toBe(true);
    const words = index.words.map((word) => index.paragraphs[word.paragraph]?.text.slice(word.from, word.to));
    expect(words).not.toContain('not');
    expect(words).toContain('country');
  });
});

describe('what is being said', () => {
  const index = indexTranscript(jfk(), NONE);
  const said = (ms: number) => {
    const word = index.words[wordAt(index.words, ms)];
    return word === undefined ? undefined : index.paragraphs[word.paragraph]?.text.slice(word.from, word.to);
  };
  it.each([
    [0, undefined],
    [330, 'And'],
    [4_150, 'ask'],
    [60_000, undefined],
  ])('at %i ms: %s', (ms, want) => {
    expect(said(ms)).toBe(want);
  });

  it('is the same by search through all words, for every moment', () => {
    const { words } = indexTranscript(conversation('en', 500), NONE);
    for (let ms = 0; ms < 200_000; ms += 137) {
      const last = words.findLastIndex((word) => word.startMs <= ms);
      const want = last >= 0 && ms <= (words[last]?.endMs ?? 0) + 600 ? last : -1;
      expect(wordAt(words, ms)).toBe(want);
    }
  });

  it('finds the paragraph, the first one before anything is said', () => {
    const { paragraphs } = indexTranscript(conversation('en', 500), NONE);
    expect(paragraphAt(paragraphs, 0)).toBe(0);
    expect(paragraphAt(paragraphs, (paragraphs[3]?.startMs ?? 0) + 1)).toBe(3);
  });
});

it('a click between two words means the one before it', () => {
  const index = indexTranscript(jfk(), NONE);
  const at = index.paragraphs[0]?.text.indexOf('fellow') ?? 0;
  for (const place of [at, at + 3, at + 'fellow'.length]) {
    expect(wordAtPlace(index, 0, place)?.from).toBe(at);
  }
});

describe('searching', () => {
  const index = indexTranscript(conversation('ru', 3_000), NONE);
  it('finds every place, with ё as е and whatever the case', () => {
    const hits = searchTranscript(index, 'ЕЩЕ РАЗ');
    expect(hits.length).toBeGreaterThan(5);
    for (const hit of hits) {
      expect(index.paragraphs[hit.paragraph]?.text.slice(hit.from, hit.to).toLowerCase()).toBe('ещё раз');
    }
  });
  it('finds nothing for nothing', () => {
    expect(searchTranscript(index, '  ')).toEqual([]);
    expect(searchTranscript(index, 'квантовый')).toEqual([]);
  });
  it('finds words across the border of two segments', () => {
    const text = indexTranscript(jfk(), NONE);
    expect(searchTranscript(text, 'Americans, ask not')).toHaveLength(1);
  });
});

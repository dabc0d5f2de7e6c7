import type { Transcript, TranscriptSegment } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { applyEdits } from './apply-edits.js';

const segment = (start: number, words: [string, number, number][], language = ' '): TranscriptSegment => ({
  start,
  end: words.at(-1)?.[2] ?? start,
  text: words.map(([word]) => word).join(language),
  avg_logprob: -0.2,
  no_speech_prob: 0.01,
  words: words.map(([word, from, to]) => ({ word, start: from, end: to, score: 0.5 })),
  doubts: ['low-confidence'],
});

const transcript = (segments: TranscriptSegment[], language = 'en'): Transcript => ({
  schemaVersion: 1,
  language,
  languageProbability: 0.99,
  task: 'transcribe',
  model: 'base',
  durationMs: 20_000,
  segments,
  word_segments: segments.flatMap(({ words }) => words),
});

const heard = transcript([
  segment(0, [
    ['ask', 0, 0.4],
    ['nod', 0.5, 0.9],
    ['what', 1, 1.4],
  ]),
  segment(5, [
    ['your', 5, 5.4],
    ['country', 5.5, 6],
  ]),
]);

describe('applyEdits', () => {
  it('keeps the times of words that were not touched', () => {
    const { segments } = applyEdits(heard, [{ segment: 0, text: 'ask not what' }]);
    expect(segments[0]?.text).toBe('ask not what');
    expect(segments[0]?.words.map(({ word, start, end }) => [word, start, end])).toEqual([
      ['ask', 0, 0.4],
      ['not', 0.4, 1],
      ['what', 1, 1.4],
    ]);
    expect(segments[1]).toEqual(heard.segments[1]);
  });

  it('shares time between new words by their length, inside the segment and in order', () => {
    const { segments } = applyEdits(heard, [{ segment: 1, text: 'our very beautiful land' }]);
    const words = segments[0 + 1]?.words ?? [];
    expect(words.map(({ word }) => word)).toEqual(['our', 'very', 'beautiful', 'land']);
    expect(words[0]?.start).toBe(5);
    expect(words.at(-1)?.end).toBe(6);
    for (const [i, word] of words.entries()) {
      expect(word.end).toBeGreaterThan(word.start);
      expect(word.start).toBe(i === 0 ? 5 : words[i - 1]?.end);
    }
  });

  it('leaves out a segment that was emptied, and its words', () => {
    const edited = applyEdits(heard, [{ segment: 0, text: '  ' }]);
    expect(edited.segments).toHaveLength(1);
    expect(edited.word_segments.map(({ word }) => word)).toEqual(['your', 'country']);
  });

  it('divides a text as its own language does, where a recording has several', () => {
    const japanese = { ...segment(10, [['今日は', 10, 11]]), language: 'ja' };
    const { segments } = applyEdits(transcript([...heard.segments, japanese]), [{ segment: 2, text: '明日は' }]);
    expect(segments[2]?.words.map(({ word }) => word)).toEqual(['明', '日', 'は']);
  });

  it('takes a corrected segment for certain', () => {
    expect(applyEdits(heard, [{ segment: 0, text: 'ask not what' }]).segments[0]?.doubts).toBeUndefined();
  });

  it('changes nothing for the same text, or a segment that does not exist', () => {
    expect(applyEdits(heard, [{ segment: 0, text: 'ask nod what' }])).toEqual(heard);
    expect(applyEdits(heard, [{ segment: 99, text: 'x' }])).toEqual(heard);
  });

  it('counts characters where a language has no spaces', () => {
    const chinese = transcript(
      [
        segment(
          0,
          [
            ['你', 0, 1],
            ['号', 1, 2],
          ],
          '',
        ),
      ],
      'zh',
    );
    expect(applyEdits(chinese, [{ segment: 0, text: '你好' }]).word_segments).toEqual([
      { word: '你', start: 0, end: 1, score: 0.5 },
      { word: '好', start: 1, end: 2, score: 1 },
    ]);
  });

  it('does not change what it was given', () => {
    const before = structuredClone(heard);
    applyEdits(heard, [{ segment: 0, text: 'other' }]);
    expect(heard).toEqual(before);
  });
});

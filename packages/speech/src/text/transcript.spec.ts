import { Transcript } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { aSegment } from '../../test/fixtures/a-segment.js';
import { transcriptOf } from './transcript.js';

const head = { languageProbability: 0.98765432, model: 'base', durationMs: 3000, task: 'transcribe' } as const;

describe('a transcript', () => {
  it('has WhisperX’s shape, every word with times', () => {
    const sure = aSegment(2000, 'Då.');
    const doubtful = {
      ...sure,
      ...{ startMs: 500, endMs: 1250, text: 'Hej.', doubts: ['low-confidence' as const] },
      words: [{ startMs: 500, endMs: 1250, text: 'Hej.', probability: 0.912345 }],
    };
    const transcript = JSON.parse(
      JSON.stringify(transcriptOf({ ...head, segments: [doubtful, sure], language: 'jw' })),
    );
    expect(transcript).toMatchObject({
      language: 'jv',
      languageProbability: 0.9877,
      segments: [
        {
          ...{ start: 0.5, end: 1.25, text: 'Hej.', doubts: ['low-confidence'] },
          words: [{ word: 'Hej.', start: 0.5, end: 1.25, score: 0.9123 }],
        },
        { text: 'Då.' },
      ],
    });
    expect(transcript.word_segments).toHaveLength(2);
    expect(transcript.segments[1]).not.toHaveProperty('doubts');
    expect(Transcript.safeParse(transcript).error).toBeUndefined();
  });

  it('says who speaks, of segments and of words, and nothing where nobody is named', () => {
    const named = { ...aSegment(0, 'Hi there.'), speaker: 'Anna' };
    const words = named.words.map((word, i) => (i === 0 ? { ...word, speaker: 'Boris' } : word));
    const transcript = transcriptOf({
      ...head,
      segments: [{ ...named, words }, aSegment(1000, 'Yes.')],
      language: 'en',
    });
    expect(transcript.segments.map((it) => it.speaker)).toEqual(['Anna', undefined]);
    expect(transcript.word_segments.map((it) => it.speaker)).toEqual(['Boris', undefined, undefined]);
    expect(transcript.segments[1]).not.toHaveProperty('speaker');
    expect(Transcript.safeParse(transcript).error).toBeUndefined();
  });

  it('of a translation is in English', () => {
    expect(transcriptOf({ ...head, segments: [], language: 'ru', task: 'translate' }).language).toBe('en');
  });
});

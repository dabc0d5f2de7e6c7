import type { Segment } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { aSegment } from '../../test/fixtures/a-segment.js';
import { ParagraphMaker } from './paragraphs.js';
import { joinTexts, TurnMaker } from './turns.js';

const by = (speaker: string, startMs: number, text: string): Segment => ({ ...aSegment(startMs, text), speaker });

describe('turns', () => {
  const turnsOf = (...segments: Segment[]) => {
    const maker = new TurnMaker('en');
    return segments.flatMap((it) => maker.turnsOf(it)).map(({ speaker, begins, text }) => [speaker, begins, text]);
  };

  it('are segments, and begin where another one speaks', () => {
    expect(
      turnsOf(by('A', 0, 'One.'), by('A', 1000, 'Two.'), by('B', 2000, 'Three.'), aSegment(3000, 'Four.')),
    ).toEqual([
      ['A', true, 'One.'],
      ['A', false, 'Two.'],
      ['B', true, 'Three.'],
      [undefined, false, 'Four.'],
    ]);
  });

  it('are several where words of a segment name several speakers, each with its own times', () => {
    const both = aSegment(0, 'Ready? Yes, go.');
    const words = both.words.map((word, i) => ({ ...word, speaker: i === 0 ? 'A' : 'B' }));
    const turns = new TurnMaker('en').turnsOf({ ...both, words });
    expect(turns.map(({ speaker, text }) => [speaker, text])).toEqual([
      ['A', 'Ready?'],
      ['B', 'Yes, go.'],
    ]);
    expect(turns[1]?.startMs).toBe(words[1]?.startMs);
  });
});

describe('paragraphs', () => {
  const paragraphsOf = (...segments: Segment[]) => {
    const maker = new ParagraphMaker('en');
    return [...segments.flatMap((it) => maker.add([it])), ...maker.end()].map(({ text }) => text);
  };

  it('join what is said without a long pause', () => {
    expect(paragraphsOf(aSegment(0, 'One.'), aSegment(500, 'Two.'), aSegment(9000, 'Three.'))).toEqual([
      'One. Two.',
      'Three.',
    ]);
  });

  it('end where another one speaks', () => {
    expect(paragraphsOf(by('A', 0, 'One.'), by('B', 300, 'Two.'))).toEqual(['One.', 'Two.']);
  });

  it('end with a sentence when much was said', () => {
    const sentences = Array.from({ length: 60 }, (_, i) => aSegment(i * 1500, 'This is one more sentence of it.'));
    const paragraphs = paragraphsOf(...sentences);
    expect(paragraphs.length).toBeGreaterThan(1);
    for (const text of paragraphs) expect(text.length).toBeLessThan(900);
    expect(paragraphs.join(' ')).toBe(sentences.map((it) => it.text).join(' '));
  });

  it('have no space where scripts have none', () => {
    expect(joinTexts('天气很好。', '我们走吧。')).toBe('天气很好。我们走吧。');
    expect(joinTexts('Да.', 'Нет.')).toBe('Да. Нет.');
    expect(joinTexts('', 'Нет.')).toBe('Нет.');
  });
});

import type { Segment, SubtitleRules } from '@mediajob/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CUE_TIMING, cuesOf } from './cues.js';
import { textWidth } from './scripts.js';

const netflix: SubtitleRules = { maxCharsPerLine: 42, maxLines: 2 };

/** Words at an even pace; a number is a pause in ms. */
function segment(pieces: readonly (string | number)[], startMs = 0, { join = ' ', msPerLetter = 70 } = {}): Segment {
  let at = startMs;
  const words = pieces.flatMap((piece) => {
    if (typeof piece === 'number') {
      at += piece;
      return [];
    }
    const word = { startMs: at, endMs: at + Math.max(20, piece.length * msPerLetter), text: piece, probability: 0.9 };
    at = word.endMs;
    return [word];
  });
  return {
    startMs: words[0]?.startMs ?? startMs,
    endMs: words.at(-1)?.endMs ?? startMs,
    text: words.map((it) => it.text).join(join),
    words,
    avgLogprob: -0.2,
    noSpeechProbability: 0,
    compressionRatio: 1,
    temperature: 0,
    doubts: [],
  };
}
const linesOf = (segments: Segment[], rules = netflix, language = 'en') =>
  cuesOf(segments, rules, language).map((cue) => cue.lines);

describe('cues', () => {
  it('end with sentences and clauses', () => {
    const speech =
      'And so, my fellow Americans, ask not what your country can do for you; ask what you can do for your country.';
    expect(linesOf([segment(speech.split(' '))])).toEqual([
      ['And so, my fellow Americans,'],
      ['ask not what your country can do for you;', 'ask what you can do for your country.'],
    ]);
  });

  it('do not reach over a pause', () => {
    expect(linesOf([segment(['Wait', 'for', 'it', 900, 'and', 'there', 'it', 'is'])])).toEqual([
      ['Wait for it'],
      ['and there it is'],
    ]);
  });

  it('do not leave an article or a preposition behind', () => {
    const speech = 'we went down to the river yesterday with a boat that nobody had ever seen on the lake before';
    for (const lines of linesOf([segment(speech.split(' '))], { maxCharsPerLine: 24, maxLines: 2 }))
      for (const line of lines) expect(line).not.toMatch(/\b(the|a|to|with|on|that)$/);
  });

  it('know Russian conjunctions and prepositions', () => {
    const speech = 'он приехал поздно вечером в старый дом на берегу реки и сразу лёг спать потому что устал с дороги';
    for (const lines of linesOf([segment(speech.split(' '))], { maxCharsPerLine: 30, maxLines: 2 }, 'ru'))
      for (const line of lines) expect(line).not.toMatch(/(?<=\s)(в|на|и|с|потому)$/);
  });

  it('have lines of about the same length', () => {
    const [[top = '', bottom = ''] = []] = linesOf([
      segment('nobody expected that simple little thing to happen'.split(' ')),
    ]);
    expect(Math.abs(top.length - bottom.length)).toBeLessThan(16);
  });

  it('count East Asian letters twice', () => {
    const letters = [...'我們今天在這裡討論這個非常重要而且十分有趣的問題希望大家都能認真地聽下去'];
    const cues = linesOf([segment(letters, 0, { join: '', msPerLetter: 180 })], netflix, 'zh');
    for (const line of cues.flat()) expect(textWidth(line)).toBeLessThanOrEqual(42);
    expect(cues.flat().join('')).toBe(letters.join(''));
  });

  it('put no space where the text has none, and leave right-to-left text as it is', () => {
    expect(
      linesOf([segment([...'用', 'iPhone', ...'拍照'], 0, { join: '', msPerLetter: 150 })], netflix, 'zh'),
    ).toEqual([['用iPhone拍照']]);
    expect(linesOf([segment(['שלום', 'לכולם'])], netflix, 'he')).toEqual([['שלום לכולם']]);
  });

  it('stay long enough to be read when there is room', () => {
    const [cue] = cuesOf([segment(['Yes.'])], netflix, 'en');
    expect((cue?.endMs ?? 0) - (cue?.startMs ?? 0)).toBe(CUE_TIMING.shortestMs);
  });

  it('do not stay longer than the media', () => {
    const [cue] = cuesOf([segment(['Yes.'], 1000)], netflix, 'en', 1500);
    expect(cue).toMatchObject({ startMs: 1000, endMs: 1500 });
  });

  it('leave two frames between each other', () => {
    const speech = 'This is the first of two sentences here. And this one is the second of the two.';
    const [first, second] = cuesOf([segment(speech.split(' '))], netflix, 'en');
    expect((second?.startMs ?? 0) - (first?.endMs ?? 0)).toBe(CUE_TIMING.gapMs);
  });

  it('are none for silence', () => {
    expect(cuesOf([], netflix, 'en')).toEqual([]);
  });

  it('are in order, never overlap, fit their lines and show every word once', () => {
    const word = fc.oneof(
      { weight: 8, arbitrary: fc.stringMatching(/^[a-z]{1,12}[.,;?!]?$/) },
      {
        weight: 2,
        arbitrary: fc.constantFrom('и', 'потому', 'дорога.', '我', '们', 'ที่', 'שלום', '<b>', '-->', 'l’été,'),
      },
      { weight: 1, arbitrary: fc.stringMatching(/^[a-z]{40,60}$/) },
    );
    const piece = fc.oneof({ weight: 6, arbitrary: word }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 4000 }) });
    const script = fc.record({
      segments: fc.array(fc.array(piece, { minLength: 1, maxLength: 40 }), { maxLength: 5 }),
      msPerLetter: fc.integer({ min: 1, max: 400 }),
      maxCharsPerLine: fc.integer({ min: 8, max: 60 }),
      maxLines: fc.integer({ min: 1, max: 4 }),
      language: fc.constantFrom('en', 'ru', 'zh', 'de'),
    });
    fc.assert(
      fc.property(script, ({ segments: pieces, msPerLetter, maxCharsPerLine, maxLines, language }) => {
        let at = 0;
        const segments = pieces.map((it) => {
          const made = segment(it, at, { msPerLetter });
          at = Math.max(at, made.endMs);
          return made;
        });
        const cues = cuesOf(segments, { maxCharsPerLine, maxLines }, language);
        let last = 0;
        for (const cue of cues) {
          expect(cue.startMs).toBeGreaterThanOrEqual(last);
          expect(cue.endMs).toBeGreaterThan(cue.startMs);
          expect(cue.lines.length).toBeGreaterThan(0);
          expect(cue.lines.length).toBeLessThanOrEqual(maxLines);
          for (const line of cue.lines)
            if (line.includes(' ')) expect(textWidth(line)).toBeLessThanOrEqual(maxCharsPerLine);
          last = cue.endMs;
        }
        const said = segments.flatMap((it) => it.words.map((one) => one.text)).join('');
        expect(
          cues
            .flatMap((it) => it.lines)
            .join('')
            .replace(/\s/g, ''),
        ).toBe(said);
        const times = new Set(segments.flatMap((it) => it.words.map((one) => one.startMs)));
        for (const cue of cues) expect(times.has(cue.startMs)).toBe(true);
      }),
    );
  });
});

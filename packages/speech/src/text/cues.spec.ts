import { type Segment, SUBTITLE_PRESETS, type SubtitleRules } from '@mediajob/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cuesOf } from './cues.js';
import { cueRules } from './presets.js';
import { textWidth } from './scripts.js';

const netflix: SubtitleRules = { preset: 'netflix' };

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
const timing = cueRules(netflix, 'en');
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
    expect((cue?.endMs ?? 0) - (cue?.startMs ?? 0)).toBe(timing.minMs);
  });

  it('do not stay longer than the media', () => {
    const [cue] = cuesOf([segment(['Yes.'], 1000)], netflix, 'en', 1500);
    expect(cue).toMatchObject({ startMs: 1000, endMs: 1500 });
  });

  it('leave two frames between each other', () => {
    const speech = 'This is the first of two sentences here. And this one is the second of the two.';
    const [first, second] = cuesOf([segment(speech.split(' '))], netflix, 'en');
    expect((second?.startMs ?? 0) - (first?.endMs ?? 0)).toBe(timing.minGapMs);
  });

  it('are none for silence', () => {
    expect(cuesOf([], netflix, 'en')).toEqual([]);
  });

  it('never hold two speakers, and say where a turn begins', () => {
    const talk = { ...segment(['Are', 'you', 'coming?']), speaker: 'Anna' };
    const answer = { ...segment(['In', 'a', 'minute.'], talk.endMs), speaker: 'Boris' };
    const more = { ...segment(['Wait', 'there.'], answer.endMs + 200), speaker: 'Boris' };
    expect(cuesOf([talk, answer, more], {}, 'en').map(({ speaker, turn, lines }) => [speaker, turn, ...lines])).toEqual(
      [
        ['Anna', true, 'Are you coming?'],
        ['Boris', true, 'In a minute. Wait there.'],
      ],
    );
  });

  it('change with the speaker of a word inside a segment', () => {
    const both = segment(['Ready?', 'Yes,', 'go.']);
    const words = both.words.map((word, i) => ({ ...word, speaker: i === 0 ? 'A' : 'B' }));
    expect(linesOf([{ ...both, words }])).toEqual([['Ready?'], ['Yes, go.']]);
  });

  it('are in one language each, by its own limits, where segments have several', () => {
    const chinese = {
      ...segment([...'我們今天在這裡討論這個非常重要而且十分有趣的問題希望大家都能認真地聽下去'], 0, {
        join: '',
        msPerLetter: 180,
      }),
      language: 'zh',
    };
    const english = segment(['And', 'so,', 'my', 'fellow', 'Americans.'], chinese.endMs);
    const cues = cuesOf([chinese, english], {}, 'en');
    expect(cues.at(-1)).toMatchObject({ language: 'en', lines: ['And so, my fellow Americans.'] });
    for (const { lines } of cues.slice(0, -1))
      for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(cueRules({}, 'zh').maxCharsPerLine);
    expect(new Set(cues.map((it) => it.language))).toEqual(new Set(['zh', 'en']));
  });

  it('leave room for the name where a turn begins', () => {
    const speech = segment('nobody expected that it would ever really come'.split(' '));
    for (const [i, lines] of linesOf([{ ...speech, speaker: 'Alexandra Feodorovna' }]).entries())
      for (const [j, line] of lines.entries())
        expect(textWidth(line) + (i + j === 0 ? 'Alexandra Feodorovna: '.length : 0)).toBeLessThanOrEqual(42);
  });

  it('close a gap of a few frames to two, and keep one of half a second', () => {
    const two = (pauseMs: number) => {
      const first = segment(['This', 'is', 'the', 'first', 'sentence', 'of', 'them', 'all', 'here.']);
      const next = segment(['And', 'here', 'comes', 'the', 'second', 'one', 'of', 'them.'], first.endMs + pauseMs);
      const [a, b] = cuesOf([first, next], netflix, 'en');
      return (b?.startMs ?? 0) - (a?.endMs ?? 0);
    };
    expect(two(300)).toBe(84);
    expect(two(1900)).toBeGreaterThanOrEqual(500);
  });

  it('are cut as a preset says, and a field takes the place of what it says', () => {
    const words = 'we all went down to the river yesterday with a boat that nobody had ever seen on the lake before';
    const speech = [segment(words.split(' '))];
    const short = cuesOf(speech, { preset: 'short' }, 'en');
    for (const { words: lines } of short) expect(lines.flat().length).toBeLessThanOrEqual(3);
    expect(linesOf(speech, { preset: 'raw' })).toEqual([[words]]);
    for (const lines of linesOf(speech, { preset: 'bbc', maxLines: 1, maxCharsPerLine: 20 })) {
      expect(lines).toHaveLength(1);
      expect(textWidth(lines[0] ?? '')).toBeLessThanOrEqual(20);
    }
    const long = cuesOf([segment(['Yes.'])], { preset: 'netflix', minMs: 2000 }, 'en');
    expect((long[0]?.endMs ?? 0) - (long[0]?.startMs ?? 0)).toBe(2000);
  });

  it('raw are the segments with the times of their words', () => {
    const segments = [segment(['One', 3000, 'two.']), segment(['Three.'], 9000)];
    expect(
      cuesOf(segments, { preset: 'raw' }, 'en').map(({ startMs, endMs, lines }) => [startMs, endMs, ...lines]),
    ).toEqual(segments.map(({ startMs, endMs, text }) => [startMs, endMs, text]));
  });

  it('are in order, never overlap, fit their lines and show every word once', () => {
    const word = fc.oneof(
      { weight: 8, arbitrary: fc.stringMatching(/^[a-z]{1,12}[.,;?!]?$/) },
      {
        weight: 3,
        arbitrary: fc.constantFrom(
          'и',
          'потому',
          'дорога.',
          '我',
          '们',
          '「好',
          'ー',
          'ที่',
          'שלום',
          'وكان',
          '<b>',
          '-->',
        ),
      },
      { weight: 1, arbitrary: fc.stringMatching(/^[a-z]{40,60}$/) },
    );
    const piece = fc.oneof({ weight: 6, arbitrary: word }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 4000 }) });
    const optional = (min: number, max: number) => fc.option(fc.integer({ min, max }), { nil: undefined });
    const script = fc.record({
      segments: fc.array(
        fc.record({
          pieces: fc.array(piece, { minLength: 1, maxLength: 40 }),
          speaker: fc.constantFrom(undefined, undefined, 'A', 'Boris'),
        }),
        { maxLength: 5 },
      ),
      msPerLetter: fc.integer({ min: 1, max: 400 }),
      rules: fc.record({
        preset: fc.constantFrom(undefined, ...SUBTITLE_PRESETS),
        maxCharsPerLine: optional(8, 60),
        maxLines: optional(1, 4),
        maxCharsPerSecond: optional(5, 100),
        minMs: optional(0, 2000),
        maxMs: optional(2000, 30_000),
        minGapMs: optional(0, 1000),
      }),
      durationMs: fc.constantFrom(Number.POSITIVE_INFINITY, 3000),
      language: fc.constantFrom('en', 'ru', 'zh', 'ja', 'th', 'ar', 'de'),
    });
    fc.assert(
      fc.property(script, ({ segments: spoken, msPerLetter, rules, durationMs, language }) => {
        let at = 0;
        const segments = spoken.map(({ pieces, speaker }) => {
          const made = { ...segment(pieces, at, { msPerLetter }), ...(speaker !== undefined && { speaker }) };
          at = Math.max(at, made.endMs);
          return made;
        });
        const { maxCharsPerLine, maxLines, maxMs } = cueRules(rules, language);
        const cues = cuesOf(segments, rules, language, durationMs);
        let last = 0;
        for (const cue of cues) {
          expect(Number.isInteger(cue.startMs) && Number.isInteger(cue.endMs)).toBe(true);
          expect(cue.startMs).toBeGreaterThanOrEqual(last);
          expect(cue.endMs).toBeGreaterThan(cue.startMs);
          expect(cue.endMs - cue.startMs).toBeLessThanOrEqual(maxMs);
          expect(cue.lines.length).toBeGreaterThan(0);
          expect(cue.lines.length).toBeLessThanOrEqual(maxLines);
          cue.words.forEach((line, i) => {
            if (line.length > 1) expect(textWidth(cue.lines[i] ?? '')).toBeLessThanOrEqual(maxCharsPerLine);
          });
          last = cue.endMs;
        }
        const said = segments.flatMap((it) => it.words);
        expect(cues.flatMap((it) => it.words.flat().map(({ text, startMs }) => [text, startMs]))).toEqual(
          said.map(({ text, startMs }) => [text, startMs]),
        );
        expect(
          cues
            .flatMap((it) => it.lines)
            .join('')
            .replace(/\s/g, ''),
        ).toBe(said.map(({ text }) => text).join(''));
        const voices = new Map(segments.flatMap((it) => it.words.map((word) => [word.startMs, it.speaker])));
        for (const cue of cues)
          for (const { startMs } of cue.words.flat()) expect(voices.get(startMs)).toBe(cue.speaker);
      }),
    );
  });
});

import type { Segment } from '@mediajob/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cue } from './cues.js';
import { transcriptOf } from './transcript.js';
import { LRC, SRT, TSV, TXT, VTT, type Writer } from './writers.js';

const cue = (startMs: number, endMs: number, ...lines: string[]): Cue => ({ startMs, endMs, lines });
const segment = (startMs: number, endMs: number, text: string): Segment => ({
  startMs,
  endMs,
  text,
  words: [{ startMs, endMs, text, probability: 0.912345 }],
  avgLogprob: -0.25,
  noSpeechProbability: 0.01,
  compressionRatio: 1,
  temperature: 0,
  doubts: [],
});

const written =
  <Item>({ head, item }: Writer<Item>) =>
  (items: readonly Item[]) =>
    head + items.map((it, place) => item(it, place, items[place + 1])).join('');
const [writeTxt, writeTsv] = [written(TXT), written(TSV)];
const [writeSrt, writeVtt, writeLrc] = [written(SRT), written(VTT), written(LRC)];

const time = (text: string) => {
  const [, h = '', m = '', s = '', ms = ''] = /^(\d{2,}):(\d\d):(\d\d)[.,](\d{3})$/.exec(text) ?? [];
  return ((Number(h) * 60 + Number(m)) * 60 + Number(s)) * 1000 + Number(ms);
};

/** Reads SRT and VTT as players do: blocks between empty lines, the times on the line with the arrow. */
function parse(file: string): Cue[] {
  return file
    .split('\n\n')
    .map((block) => block.split('\n'))
    .filter((lines) => lines.some((line) => line.includes('-->')))
    .map((lines) => {
      const at = lines.findIndex((line) => line.includes('-->'));
      const [from = '', to = ''] = (lines[at] ?? '').split(' --> ');
      return { startMs: time(from), endMs: time(to), lines: lines.slice(at + 1).filter((line) => line !== '') };
    });
}

const anyCues = fc
  .array(
    fc.record({
      startMs: fc.integer({ min: 0, max: 200_000_000 }),
      length: fc.integer({ min: 1, max: 7000 }),
      lines: fc.array(fc.stringMatching(/^[\wа-яё你好,.!&<>"' -]{1,20}$/), { minLength: 1, maxLength: 3 }),
    }),
    { maxLength: 12 },
  )
  .map((list) =>
    list.map(({ startMs, length, lines }) =>
      cue(startMs, startMs + length, ...lines.map((it) => `x${it.replace(/[\s]+/g, ' ')}x`)),
    ),
  );

describe('SRT', () => {
  it('numbers cues and writes times with a comma, beyond an hour too', () => {
    expect(writeSrt([cue(0, 1500, 'One', 'two'), cue(3_723_004, 3_724_000, 'Three')])).toBe(
      '1\n00:00:00,000 --> 00:00:01,500\nOne\ntwo\n\n2\n01:02:03,004 --> 01:02:04,000\nThree\n\n',
    );
  });

  it('is not broken by arrows, empty lines, control characters or markup in the text', () => {
    const [only, ...more] = parse(writeSrt([cue(0, 1000, 'a --> b', '', 'c\n\nd\u0000e', '<i>f</i> {\\an8}g')]));
    expect(more).toEqual([]);
    expect(only?.lines).toEqual(['a → b', 'c d e', '‹i›f‹/i› (\\an8)g']);
  });

  it('keeps signs that are no markup', () => {
    expect(parse(writeSrt([cue(0, 1000, '3 < 4 & 5 > 2 {x}')]))[0]?.lines).toEqual(['3 < 4 & 5 > 2 {x}']);
  });

  it('reads back as it was written', () => {
    fc.assert(
      fc.property(anyCues, (cues) => {
        const plain = cues.filter((it) => !it.lines.some((line) => /-->|<\/?[a-zа-яё你好_]/i.test(line)));
        expect(parse(writeSrt(plain))).toEqual(plain.map((it) => ({ ...it, lines: [...it.lines] })));
      }),
    );
  });
});

describe('VTT', () => {
  it('begins with its signature and writes times with a dot', () => {
    expect(writeVtt([cue(61_001, 62_000, 'One')])).toBe('WEBVTT\n\n00:01:01.001 --> 00:01:02.000\nOne\n\n');
    expect(writeVtt([])).toBe('WEBVTT\n\n');
  });

  it('escapes what would be markup or an arrow', () => {
    expect(writeVtt([cue(0, 1000, 'a --> <b> & c')])).toContain('a --&gt; &lt;b&gt; &amp; c');
  });

  it('reads back as it was written', () => {
    const decode = (line: string) => line.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
    fc.assert(
      fc.property(anyCues, (cues) => {
        const back = parse(writeVtt(cues)).map((it) => ({ ...it, lines: it.lines.map(decode) }));
        expect(back).toEqual(cues.map((it) => ({ ...it, lines: [...it.lines] })));
      }),
    );
  });
});

describe('the other formats', () => {
  const segments = [segment(500, 1250, 'Hello\tthere.'), segment(61_230, 62_000, 'שלום\nעולם')];

  it('TXT has one segment a line', () => {
    expect(writeTxt(segments)).toBe('Hello there.\nשלום עולם\n');
  });

  it('TSV has whole ms and no tab in the text', () => {
    expect(writeTsv(segments)).toBe('start\tend\ttext\n500\t1250\tHello there.\n61230\t62000\tשלום עולם\n');
  });

  it('LRC has minutes beyond 99, clears the line at pauses, and takes no text for a tag', () => {
    const file = writeLrc([
      cue(500, 1250, 'Hello', 'there.'),
      cue(1300, 2000, '[Music]'),
      cue(6_061_230, 6_062_000, 'End'),
    ]);
    expect(file).toBe('[00:00.50]Hello there.\n[00:01.30] [Music]\n[00:02.00]\n[101:01.23]End\n[101:02.00]\n');
  });

  it('a transcript has WhisperX’s shape, every word with times', () => {
    const transcript = transcriptOf({
      segments: [{ ...segment(500, 1250, 'Hej.'), doubts: ['low-confidence'] }, segment(2000, 2500, 'Då.')],
      language: 'jw',
      languageProbability: 0.98765432,
      task: 'transcribe',
      model: 'base',
      durationMs: 3000,
    });
    const word = { word: 'Hej.', start: 0.5, end: 1.25, score: 0.9123 };
    const written = JSON.parse(JSON.stringify(transcript));
    expect(written).toMatchObject({
      language: 'jv',
      languageProbability: 0.9877,
      segments: [
        { start: 0.5, end: 1.25, text: 'Hej.', avg_logprob: -0.25, words: [word], doubts: ['low-confidence'] },
        { text: 'Då.' },
      ],
    });
    expect(written.word_segments).toHaveLength(2);
    expect(written.segments[1]).not.toHaveProperty('doubts');
  });

  it('a translation is in English', () => {
    const input = { segments: [], languageProbability: 1, model: 'base', durationMs: 0 };
    expect(transcriptOf({ ...input, language: 'ru', task: 'translate' }).language).toBe('en');
  });
});

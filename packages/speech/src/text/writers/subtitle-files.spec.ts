import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aCue } from '../../../test/fixtures/a-cue.js';
import { elementsOf, readXml, textIn } from '../../../test/fixtures/read-xml.js';
import type { Cue } from '../cues.js';
import { ass, type DocumentHead, lrc, srt, ttml, vtt, type Writer } from './index.js';

const plain: DocumentHead = { language: 'en', rtl: false, wordTimes: false, speakers: [] };
const timed = { ...plain, wordTimes: true };
const hebrew = { ...plain, language: 'he', rtl: true };
const cue = (startMs: number, endMs: number, ...lines: string[]): Cue =>
  aCue(startMs, endMs, lines, { language: /[\u0590-\u05ff]/.test(lines.join('')) ? 'he' : 'en' });
const anna = (startMs: number, endMs: number, ...lines: string[]): Cue =>
  aCue(startMs, endMs, lines, { speaker: 'Anna <b> & Co', turn: true });

const written = ({ head, item, tail }: Writer<Cue>, ...cues: readonly Cue[]): string =>
  head + cues.map((it, place) => item(it, place, cues[place + 1])).join('') + (tail ?? '');

const time = (text: string) => {
  const [, h = '', m = '', s = '', ms = ''] = /^(\d{2,}):(\d\d):(\d\d)[.,](\d{3})$/.exec(text) ?? [];
  return ((Number(h) * 60 + Number(m)) * 60 + Number(s)) * 1000 + Number(ms);
};

/** Reads SRT and VTT as players do: blocks between empty lines, the times on the line with the arrow. */
function parse(file: string): Pick<Cue, 'startMs' | 'endMs' | 'lines'>[] {
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
const shown = ({ startMs, endMs, lines }: Cue) => ({ startMs, endMs, lines });

const anyCues = fc
  .array(
    fc.record({
      startMs: fc.integer({ min: 0, max: 200_000_000 }),
      length: fc.integer({ min: 10, max: 7000 }),
      lines: fc.array(fc.stringMatching(/^[\wа-яё你好,.!&<>"'{}\\ -]{1,20}$/), { minLength: 1, maxLength: 3 }),
    }),
    { maxLength: 12 },
  )
  .map((list) =>
    list.map(({ startMs, length, lines }) =>
      cue(startMs, startMs + length, ...lines.map((it) => `x${it.replace(/\s+/g, ' ')}x`)),
    ),
  );

describe('SRT', () => {
  it('numbers cues and writes times with a comma, beyond an hour too', () => {
    expect(written(srt(), cue(0, 1500, 'One', 'two'), cue(3_723_004, 3_724_000, 'Three'))).toBe(
      '1\n00:00:00,000 --> 00:00:01,500\nOne\ntwo\n\n2\n01:02:03,004 --> 01:02:04,000\nThree\n\n',
    );
  });

  it('is not broken by arrows, empty lines, control characters or markup in the text', () => {
    const [only, ...more] = parse(written(srt(), cue(0, 1000, 'a --> b', '', 'c\n\nd\u0000e', '<i>f</i> {\\an8}g')));
    expect(more).toEqual([]);
    expect(only?.lines).toEqual(['a → b', 'c d e', '‹i›f‹/i› (\\an8)g']);
  });

  it('keeps signs that are no markup', () => {
    expect(parse(written(srt(), cue(0, 1000, '3 < 4 & 5 > 2 {x}')))[0]?.lines).toEqual(['3 < 4 & 5 > 2 {x}']);
  });

  it('names who speaks where a turn begins, and not again', () => {
    const more = aCue(2000, 3000, ['On I go.'], { speaker: 'Anna', turn: false });
    const file = written(srt(), anna(0, 1000, 'Hello,', 'you.'), more);
    expect(parse(file).map((it) => it.lines)).toEqual([['Anna ‹b› & Co: Hello,', 'you.'], ['On I go.']]);
  });

  it('embeds lines that run from right to left', () => {
    expect(parse(written(srt(), cue(0, 1000, 'שלום.', 'IBM אמר')))[0]?.lines).toEqual([
      '\u202bשלום.\u202c',
      '\u202bIBM אמר\u202c',
    ]);
  });

  it('reads back as it was written', () => {
    fc.assert(
      fc.property(anyCues, (cues) => {
        const harmless = cues.filter((it) => !it.lines.some((line) => /-->|<\/?[a-zа-яё你好_]|\{/i.test(line)));
        expect(parse(written(srt(), ...harmless))).toEqual(harmless.map(shown));
      }),
    );
  });
});

describe('VTT', () => {
  it('begins with its signature and writes times with a dot', () => {
    expect(written(vtt(plain), cue(61_001, 62_000, 'One'))).toBe('WEBVTT\n\n00:01:01.001 --> 00:01:02.000\nOne\n\n');
    expect(written(vtt(plain))).toBe('WEBVTT\n\n');
  });

  it('escapes what would be markup or an arrow, in names too', () => {
    expect(written(vtt(plain), cue(0, 1000, 'a --> <b> & c'))).toContain('a --&gt; &lt;b&gt; &amp; c');
    expect(written(vtt(plain), anna(0, 1000, 'Hi.'))).toContain('\n<v Anna &lt;b&gt; &amp; Co>Hi.\n');
  });

  it('says when each later word begins, between the start of the cue and its end', () => {
    expect(written(vtt(timed), cue(0, 900, 'one two', 'six'))).toContain(
      '\none <00:00:00.300>two\n<00:00:00.600>six\n\n',
    );
  });

  it('has times inside a cue only in order and within it, whatever words say', () => {
    const word = (text: string, startMs: number) => ({ text, spaced: true, startMs, endMs: startMs + 10 });
    const odd = { ...cue(100, 500, 'x'), words: [[word('a', 0), word('b', 300), word('c', 300), word('d', 900)]] };
    expect(written(vtt(timed), odd)).toContain('\na <00:00:00.300>b c d\n');
  });

  it('marks the direction of lines that begin with a foreign word', () => {
    expect(parse(written(vtt(plain), cue(0, 1000, 'IBM אמר', 'שלום.')))[0]?.lines).toEqual(['\u200fIBM אמר', 'שלום.']);
  });

  it('reads back as it was written, with and without times of words', () => {
    const decode = (line: string) =>
      line
        .replace(/<\d\d+:\d\d:\d\d\.\d{3}>/g, '')
        .replace(/&lt;/g, '<')
        .replace(/&gt;/g, '>')
        .replace(/&amp;/g, '&');
    fc.assert(
      fc.property(anyCues, fc.constantFrom(plain, timed), (cues, head) => {
        const back = parse(written(vtt(head), ...cues)).map((it) => ({ ...it, lines: it.lines.map(decode) }));
        expect(back).toEqual(cues.map(shown));
      }),
    );
  });
});

describe('LRC', () => {
  it('has minutes beyond 99, clears the line at pauses, and takes no text for a tag', () => {
    const file = written(
      lrc(plain),
      cue(500, 1250, 'Hello', 'there.'),
      cue(1300, 2000, '[Music]'),
      cue(6_061_230, 6_062_000, 'End'),
    );
    expect(file).toBe('[00:00.50]Hello there.\n[00:01.30] [Music]\n[00:02.00]\n[101:01.23]End\n[101:02.00]\n');
  });

  it('enhanced has the time of each word before it, and takes no text for one', () => {
    expect(written(lrc(timed), cue(500, 1100, 'one two'))).toBe('[00:00.50]<00:00.50>one <00:00.80>two\n[00:01.10]\n');
    expect(written(lrc(timed), cue(0, 1000, '<1:02>'))).toContain('<00:00.00>‹1:02>\n');
  });

  it('names who speaks', () => {
    expect(written(lrc(plain), anna(0, 1000, 'Hi.'))).toContain('[00:00.00]Anna <b> & Co: Hi.\n');
  });
});

describe('ASS', () => {
  const events = (file: string) =>
    file
      .split('\n')
      .filter((line) => line.startsWith('Dialogue: '))
      .map((line) => line.slice('Dialogue: '.length).split(','));

  it('has its sections, times in hundredths and lines parted by \\N', () => {
    const file = written(ass(plain), cue(1_239, 3_723_995, 'One,', 'two'));
    expect(file).toMatch(/^\[Script Info\]\n[\s\S]*\[V4\+ Styles\]\n[\s\S]*\[Events\]\nFormat: /);
    expect(file).toContain('Dialogue: 0,0:00:01.23,1:02:03.99,Default,,0,0,0,,One,\\Ntwo\n');
  });

  it('lights up word after word, in whole hundredths that drift nowhere', () => {
    const file = written(ass(timed), cue(1003, 2999, 'one two', 'three'));
    const text = events(file)[0]?.slice(9).join(',') ?? '';
    expect(text.replace(/\{\\k\d+\}/g, '')).toBe('one two\\Nthree');
    const sum = [...text.matchAll(/\{\\k(\d+)\}/g)].reduce((total, match) => total + Number(match[1]), 0);
    expect(sum).toBe(299 - 100);
  });

  it('takes no text for a command', () => {
    const [event] = events(written(ass(plain), cue(0, 1000, '{\\b1}a\\Nb {c}')));
    expect(event?.slice(9).join(',')).toBe('\\{\\\u2060b1\\}a\\\u2060Nb \\{c\\}');
    expect(events(written(ass(plain), aCue(0, 1000, ['Hi.'], { speaker: 'A, {B}' })))[0]?.[4]).toBe('A   B ');
  });

  it('leaves the order of words that run from right to left alone', () => {
    expect(written(ass(timed), cue(0, 1000, 'שלום עולם.'))).toContain(',,\u202bשלום עולם.\u202c\n');
  });

  it('never ends a cue before it began', () => {
    const [event = []] = events(written(ass(plain), cue(1001, 1003, 'x')));
    expect(event.slice(1, 3)).toEqual(['0:00:01.00', '0:00:01.01']);
  });
});

describe('TTML', () => {
  it('is XML with a paragraph a cue, in times of the media', () => {
    const file = readXml(written(ttml(plain), cue(0, 1500, 'One <b>', '& "two"'), cue(3_723_004, 3_724_000, '-->')));
    expect(file.attributes['xml:lang']).toBe('en');
    expect(elementsOf(file, 'p').map((it) => [it.attributes.begin, it.attributes.end, textIn(it)])).toEqual([
      ['00:00:00.000', '00:00:01.500', 'One <b>\n& "two"'],
      ['01:02:03.004', '01:02:04.000', '-->'],
    ]);
  });

  it('names its speakers in the head, and who speaks at each cue', () => {
    const file = readXml(written(ttml({ ...plain, speakers: ['Boris', 'Anna <b> & Co'] }), anna(0, 1000, 'Hi.')));
    const [agent] = elementsOf(file, 'p').map((it) => it.attributes['ttm:agent']);
    const named = elementsOf(file, 'ttm:agent').find((it) => it.attributes['xml:id'] === agent);
    expect(named && textIn(named)).toBe('Anna <b> & Co');
  });

  it('says which way its text runs', () => {
    const style = (head: DocumentHead) => elementsOf(readXml(written(ttml(head))), 'style')[0]?.attributes;
    expect(style(hebrew)).toMatchObject({ 'tts:direction': 'rtl' });
    expect(style(plain)).not.toHaveProperty('tts:direction');
  });

  it('is well-formed whatever is said', () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(text, text, (line, speaker) => {
        const head = { ...plain, speakers: [speaker] };
        const file = readXml(written(ttml(head), aCue(0, 1000, [line], { speaker, turn: true })));
        expect(elementsOf(file, 'p')).toHaveLength(1);
      }),
    );
  });
});

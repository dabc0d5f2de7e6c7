import { type Segment, TEXT_FORMATS, type Word } from '@mediajob/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aSegment } from '../../test/fixtures/a-segment.js';
import { elementsOf, readXml } from '../../test/fixtures/read-xml.js';
import { readZip } from '../../test/fixtures/read-zip.js';
import { cuesOf } from './cues.js';
import { documentOf } from './documents.js';
import { transcriptOf } from './transcript.js';
import { lrc, srt, vtt, type Writer } from './writers/index.js';

const rules = { maxCharsPerLine: 42, maxLines: 2 };
const head = {
  ...{ language: 'en' as const, languageProbability: 0.98, task: 'transcribe' as const },
  ...{ model: 'base', durationMs: 3_600_000 },
};

async function* inPortions(segments: readonly Segment[], sizes: readonly number[]): AsyncGenerator<Segment[]> {
  let from = 0;
  for (const size of sizes) {
    yield segments.slice(from, from + size);
    from += size;
  }
  yield segments.slice(from);
}
async function made(
  format: (typeof TEXT_FORMATS)[number],
  segments: readonly Segment[],
  sizes: readonly number[],
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of documentOf(format, { head, rules, segments: () => inPortions(segments, sizes) }))
    pieces.push(piece);
  return Buffer.concat(pieces);
}
const text = async (...how: Parameters<typeof made>) => (await made(...how)).toString();

const anySegments = fc
  .array(
    fc.record({
      // Pauses around the one that no cue reaches over.
      pauseMs: fc.constantFrom(0, 150, 900, 1999, 2000, 2001, 7000),
      words: fc.array(fc.constantFrom('and', 'so,', 'my', 'fellow', 'Americans.', '你', '好', 'ask', '--> <b>'), {
        minLength: 1,
        maxLength: 12,
      }),
      doubtful: fc.boolean(),
      speaker: fc.constantFrom(undefined, 'Anna & Bo', '<v>'),
    }),
    { maxLength: 12 },
  )
  .map((list) => {
    let at = 0;
    return list.map(({ pauseMs, words: texts, doubtful, speaker }): Segment => {
      at += pauseMs;
      const words = texts.map((text): Word => {
        at += 240;
        return { text, startMs: at - 240, endMs: at, probability: 0.5 };
      });
      return {
        ...{ startMs: words[0]?.startMs ?? 0, endMs: at, text: texts.join(' '), words },
        ...{ avgLogprob: -0.3, noSpeechProbability: 0.01, compressionRatio: 1.2, temperature: 0 },
        doubts: doubtful ? ['low-confidence'] : [],
        ...(speaker !== undefined && { speaker }),
      };
    });
  });

describe('documents of a transcript', () => {
  it('are the same however their segments come', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(anySegments, sizes, fc.constantFrom(...TEXT_FORMATS), async (segments, portions, format) => {
        expect((await made(format, segments, portions)).equals(await made(format, segments, []))).toBe(true);
      }),
    );
  });

  it('in JSON are the bytes of the whole transcript', async () => {
    await fc.assert(
      fc.asyncProperty(anySegments, async (segments) => {
        const whole = `${JSON.stringify(transcriptOf({ ...head, segments }))}\n`;
        expect(await text('json', segments, [1, 2])).toBe(whole);
      }),
    );
  });

  it('with cues are written from the cues of the whole', async () => {
    const plain = { language: 'en', rtl: false, wordTimes: true, speakers: [] };
    const formats: [(typeof TEXT_FORMATS)[number], Writer<ReturnType<typeof cuesOf>[number]>][] = [
      ['srt', srt()],
      ['vtt', vtt(plain)],
      ['lrc', lrc(plain)],
    ];
    await fc.assert(
      fc.asyncProperty(anySegments, fc.constantFrom(...formats), async (segments, [format, writer]) => {
        const cues = cuesOf(segments, rules, 'en', head.durationMs);
        const whole = writer.head + cues.map((cue, place) => writer.item(cue, place, cues[place + 1])).join('');
        expect(await text(format, segments, [2, 1, 1])).toBe(whole);
      }),
    );
  });

  it('run from right to left where their segment does, in a recording of several languages', async () => {
    const mixed: Segment[] = [aSegment(0, 'Good morning.'), { ...aSegment(5000, 'בוקר טוב.'), language: 'he' }];
    expect(await text('srt', mixed, [])).toMatch(/\nGood morning\.\n[\s\S]*\n\u202bבוקר טוב\.\u202c\n/);
    const paragraphs = elementsOf(readXml(await text('ttml', mixed, [])), 'p');
    expect(paragraphs.map((it) => it.attributes['tts:direction'])).toEqual([undefined, 'rtl']);
    const files = await readZip(await made('docx', mixed, []));
    const body = elementsOf(readXml(files.get('word/document.xml') ?? ''), 'w:p');
    expect(body.map((it) => elementsOf(it, 'w:bidi').length)).toEqual([0, 1, 0]);
  });

  it('of a translation are in English, whatever was spoken', async () => {
    const translated: Segment[] = [{ ...aSegment(0, 'Good morning.'), language: 'he' }];
    const pieces: Buffer[] = [];
    const source = { head: { ...head, task: 'translate' as const }, rules, segments: () => inPortions(translated, []) };
    for await (const piece of documentOf('srt', source)) pieces.push(piece);
    expect(Buffer.concat(pieces).toString()).toContain('\nGood morning.\n');
  });

  it('of a recording without speech are empty and valid', async () => {
    expect(await text('srt', [], [])).toBe('');
    expect(await text('vtt', [], [])).toBe('WEBVTT\n\n');
    expect(JSON.parse(await text('json', [], []))).toMatchObject({ segments: [], word_segments: [] });
    for (const format of ['txt', 'lrc', 'md'] as const) expect(await text(format, [], []), format).toBe('');
    expect(await text('tsv', [], [])).toBe('start\tend\ttext\n');
    expect(await text('ass', [], [])).toMatch(/\[Events\]\nFormat: .*\n$/);
    expect(elementsOf(readXml(await text('ttml', [], [])), 'p')).toEqual([]);
    const files = await readZip(await made('docx', [], []));
    expect(elementsOf(readXml(files.get('word/document.xml') ?? ''), 'w:t')).toEqual([]);
  });
});

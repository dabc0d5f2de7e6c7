import { type Segment, TEXT_FORMATS, type WhisperLanguage } from '@mediajob/contract';
import { documentOf, transcriptOf } from '@mediajob/speech/text';
import { expect, it } from 'vitest';
import { textOf } from './transcript-text.js';

const rules = { maxCharsPerLine: 20, maxLines: 2 };

function aSegment(startMs: number, texts: readonly string[], between = ' '): Segment {
  const words = texts.map((text, i) => ({
    text,
    startMs: startMs + i * 333,
    endMs: startMs + i * 333 + 271,
    probability: 0.98765,
  }));
  return {
    ...{ startMs, endMs: words.at(-1)?.endMs ?? startMs, text: texts.join(between), words, doubts: [] },
    ...{ avgLogprob: -0.3, noSpeechProbability: 0.02, compressionRatio: 1.1, temperature: 0 },
  };
}

const recordings: [string, WhisperLanguage, 'transcribe' | 'translate', Segment[]][] = [
  [
    'in English, with a pause',
    'en',
    'transcribe',
    [aSegment(40, ['And', 'so,', 'my', 'fellow', 'Americans,']), aSegment(9001, ['ask', 'not', 'what', '<b>', '-->'])],
  ],
  ['in Chinese', 'zh', 'transcribe', [aSegment(7, [...'今天天气很好我们去公园散步'], '')]],
  ['in Javanese, whose code is another', 'jw', 'transcribe', [aSegment(0, ['Sugeng', 'enjing.'])]],
  ['translated', 'ru', 'translate', [aSegment(0, ['Good', 'morning', 'in', 'the', 'house.'])]],
  ['without speech', 'en', 'transcribe', []],
];

it.each(recordings)('a recording %s is written again as it was written first', async (_, language, task, segments) => {
  const head = { language, task, languageProbability: 0.9, model: 'base', durationMs: 60_000 };
  const source = {
    ...{ head, rules },
    async *segments() {
      yield segments;
    },
  };
  for (const format of TEXT_FORMATS) {
    const first: Buffer[] = [];
    for await (const piece of documentOf(format, source)) first.push(piece);
    const again = await textOf(transcriptOf({ ...head, segments }), format, rules);
    expect(again.equals(Buffer.concat(first)), format).toBe(true);
  }
});

import { Transcript, type TranscriptSegment } from '@mediajob/contract';

const JFK: readonly (readonly [number, number, string])[] = [
  [0.32, 3.9, 'And so, my fellow Americans,'],
  [4.1, 7.6, 'ask not what your country can do for you,'],
  [8.1, 10.6, 'ask what you can do for your country.'],
];

/** Words of a segment, spread evenly over its time. */
function segmentOf(start: number, end: number, text: string, doubts?: TranscriptSegment['doubts']): TranscriptSegment {
  const words = text.split(' ');
  const each = (end - start) / words.length;
  return {
    start,
    end,
    text: ` ${text}`,
    avg_logprob: -0.2,
    no_speech_prob: 0.01,
    words: words.map((word, at) => ({
      word,
      start: Number((start + at * each).toFixed(3)),
      end: Number((start + (at + 0.9) * each).toFixed(3)),
      score: (at * 7 + Math.floor(start)) % 31 === 3 ? 0.31 : 0.93,
    })),
    ...(doubts === undefined ? {} : { doubts }),
  };
}

function transcriptOf(language: string, durationMs: number, segments: TranscriptSegment[]): Transcript {
  return Transcript.parse({
    schemaVersion: 1,
    language,
    languageProbability: 0.98,
    task: 'transcribe',
    model: 'base',
    durationMs,
    segments,
    word_segments: segments.flatMap((segment) => segment.words),
  });
}

export function jfk(): Transcript {
  return transcriptOf(
    'en',
    11_000,
    JFK.map(([start, end, text]) => segmentOf(start, end, text)),
  );
}

export function silence(): Transcript {
  return transcriptOf('en', 11_000, []);
}

const SENTENCES: Record<'en' | 'ru', readonly string[]> = {
  en: [
    'The committee met on a rainy Tuesday, and nobody had read the report.',
    'I remember asking her whether the numbers could be trusted at all.',
    'She said that numbers are like witnesses: honest, but only about what they saw.',
    'We went through the table row by row until the coffee was cold.',
    'In the end two figures did not add up, and they were the only two that mattered.',
    'That is how the whole thing began.',
    'Somebody suggested that we listen to the recording again, this time slowly.',
    'There is a moment, about halfway through, when everybody stops talking at once.',
  ],
  ru: [
    'Комиссия собралась в дождливый вторник, и отчёта никто не читал.',
    'Помню, я спросил её, можно ли вообще верить этим числам.',
    'Она ответила, что числа как свидетели: честны, но только о том, что видели.',
    'Мы шли по таблице строка за строкой, пока кофе не остыл.',
    'В конце концов не сошлись две цифры, и только они имели значение.',
    'С этого всё и началось.',
    'Кто-то предложил послушать запись ещё раз, на этот раз медленно.',
    'Примерно в середине есть мгновение, когда все разом замолкают.',
  ],
};

/** A conversation of about `words` words with pauses and a few doubtful places. */
export function conversation(language: 'en' | 'ru', words: number): Transcript {
  const segments: TranscriptSegment[] = [];
  const sentences = SENTENCES[language];
  let spoken = 0;
  let clock = 0.5;
  for (let at = 0; spoken < words; at += 1) {
    const text = sentences[(at * 5 + Math.floor(at / 7)) % sentences.length] ?? '';
    const count = text.split(' ').length;
    const start = Number(clock.toFixed(3));
    const end = Number((clock + count * 0.36).toFixed(3));
    const doubts: TranscriptSegment['doubts'] =
      at % 41 === 11 ? ['low-confidence'] : at % 97 === 29 ? ['repetition', 'low-confidence'] : undefined;
    segments.push(segmentOf(start, end, text, doubts));
    spoken += count;
    clock = end + (at % 9 === 8 ? 2.6 : 0.3);
  }
  const whole = transcriptOf(language, Math.ceil(clock * 1000) + 500, segments);
  // In the first long pause somebody speaks whom the model did not understand.
  const before = segments[8];
  return before === undefined ? whole : { ...whole, omissions: [{ start: before.end + 0.1, end: before.end + 2.4 }] };
}

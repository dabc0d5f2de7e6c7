import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Speech with known text: a person's and synthetic ones, with pauses between, as a WAV that the engine takes. */
export interface KnownSpeech {
  wav: string;
  text: string;
}

export const PARAGRAPHS = [
  'The weather was fine this morning, so we walked to the river. On the way we met an old friend, who told us about his journey through the mountains.',
  'He had slept under the stars, eaten bread and cheese, and talked with farmers, soldiers and children. Nobody had asked him for money.',
  'My sister works in a small hospital near the station. Every day she takes the early train, reads a book, and drinks a cup of coffee before her first patient arrives.',
  'When the computer stopped, the engineer opened the box, looked at the cable, and laughed. Somebody had forgotten to connect the power supply.',
  'Please remember to close the window, turn off the light, and lock the door when you leave the office tonight. The guard will check every room at nine.',
  'Scientists have discovered a new kind of fish in the deep ocean. It has no eyes, its skin is white, and it moves very slowly in the cold water.',
  'In the year eighteen sixty one a young teacher left the village, crossed the valley, and began to build a school with his own hands. The winter was long and bitter, yet he never gave up.',
  'Between two and three hundred people came to the opening. They sang, they danced, and they shared soup, fish, and fresh bread until the moon rose over the hill.',
  'What is the price of the large red bag in the window? It costs forty dollars, but if you buy two, the second one is half the price.',
  'The report shows that sales went up by ten percent in May, fell again in June, and stayed flat during the summer. Our plan for next year is to open four new shops.',
];
const KENNEDY =
  'And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country.';
const PAUSE_SECONDS = [0.6, 2.5, 1.2, 6, 0.8];

/** About three minutes: ten paragraphs by espeak-ng in two voices, with Kennedy between each two. */
export function makeSpeech(directory: string): KnownSpeech {
  const kennedy = join(
    dirname(createRequire(import.meta.url).resolve('nodejs-whisper/package.json')),
    'cpp/whisper.cpp/samples/jfk.mp3',
  );
  const parts: { file: string; text: string }[] = [];
  for (const [i, text] of PARAGRAPHS.entries()) {
    const file = join(directory, `part-${i}.wav`);
    execFileSync('espeak-ng', ['-v', i % 2 ? 'en-gb' : 'en-us', '-s', '150', '-w', file, text]);
    parts.push({ file, text });
    if (i % 2) parts.push({ file: kennedy, text: KENNEDY });
  }
  const wav = join(directory, 'speech.wav');
  const filters = parts.map(
    (_, i) =>
      `[${i}:a]aresample=16000,aformat=channel_layouts=mono,apad=pad_dur=${PAUSE_SECONDS[i % PAUSE_SECONDS.length]}[p${i}]`,
  );
  const joined = `${parts.map((_, i) => `[p${i}]`).join('')}concat=n=${parts.length}:v=0:a=1[out]`;
  execFileSync('ffmpeg', [
    ...['-nostdin', '-v', 'error', '-y', ...parts.flatMap(({ file }) => ['-i', file])],
    ...['-filter_complex', [...filters, joined].join(';'), '-map', '[out]', '-c:a', 'pcm_s16le', wav],
  ]);
  return { wav, text: parts.map((it) => it.text).join(' ') };
}

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Timed } from '../engine/pairs.ts';
import { PARAGRAPHS } from '../engine/speech.ts';

/** A media file of which everything is known. */
export interface Item {
  name: string;
  about: string;
  file: string;
  language: 'en' | 'ru';
  seconds: number;
  /** Empty: nobody speaks. */
  text: string;
  /** Where the synthesizer itself says when it spoke each word. */
  words?: Timed[];
}

const KENNEDY = join(import.meta.dirname, '../../samples/jfk.mp3');
const KENNEDY_SAYS =
  'And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country.';
const RUSSIAN = [
  'Утром мы вышли к реке и увидели старый мост. По нему давно никто не ездил, но дети каждый день бегали на другой берег за яблоками.',
  'Моя сестра работает в небольшой больнице у вокзала. Она встаёт рано, читает книгу в поезде и пьёт кофе, пока не придёт первый больной.',
  'Когда компьютер остановился, инженер открыл крышку, посмотрел на провода и засмеялся. Кто-то забыл включить питание.',
  'Пожалуйста, закройте окно, выключите свет и заприте дверь, когда будете уходить. Сторож проверит каждую комнату в девять часов.',
  'Учёные нашли в глубине океана новую рыбу. У неё нет глаз, кожа у неё белая, и она очень медленно плавает в холодной воде.',
  'Отчёт показывает, что в мае продажи выросли, в июне снова упали, а летом не менялись. В будущем году мы хотим открыть четыре новых магазина.',
];
const VOICES = ['en-us', 'en-gb', 'en-gb-scotland', 'en-gb-x-rp'];
const PAUSES_S = [0.6, 2.5, 1.2, 7, 0.8, 4, 12, 1.5];
const NOISE_S = 5;

interface Part {
  input: string[];
  text: string;
  pauseS: number;
}

/** Makes the corpus; the same files on every machine with the same espeak-ng and ffmpeg. */
export function makeCorpus(directory: string): Item[] {
  let made = 0;
  const spoken = (text: string, voice: string, pauseS: number): Part => {
    const file = join(directory, `part-${made++}.wav`);
    execFileSync('espeak-ng', ['-v', voice, '-s', '150', '-w', file, text]);
    return { input: ['-i', file], text, pauseS };
  };
  const kennedy = (pauseS: number): Part => ({ input: ['-i', KENNEDY], text: KENNEDY_SAYS, pauseS });
  const sound = (source: string, pauseS = 0): Part => ({ input: ['-f', 'lavfi', '-i', source], text: '', pauseS });

  const dense = PARAGRAPHS.flatMap((text, i) => [
    spoken(text, VOICES[i % 2] as string, 0.4),
    ...(i % 2 ? [kennedy(0.4)] : []),
  ]);
  const paused: Part[] = [];
  for (let round = 0, at = 0; round < 4; round++)
    for (const [i, text] of PARAGRAPHS.entries()) {
      const pause = (): number => PAUSES_S[at++ % PAUSES_S.length] as number;
      paused.push(spoken(text, VOICES[(round + i) % VOICES.length] as string, pause()));
      if (i % 3 === 2) paused.push(kennedy(pause()));
      if (i % 4 === 3) paused.push(sound(`anoisesrc=d=${NOISE_S}:c=brown:r=16000:a=0.08:seed=${at}`, pause()));
    }
  const nothing = [
    sound('anullsrc=d=30:r=16000'),
    sound('anoisesrc=d=30:c=pink:r=16000:a=0.2:seed=1'),
    sound('sine=f=50:d=30:r=16000'),
    sound('aevalsrc=0.2*sin(2*PI*220*t)+0.2*sin(2*PI*277*t)+0.15*sin(2*PI*330*t)*(1+sin(2*PI*3*t))/2:d=30:s=16000'),
  ];
  const item = (name: string, about: string, language: Item['language'], parts: Part[]): Item => {
    const file = join(directory, `${name}.mp3`);
    joined(parts, file);
    const text = parts.flatMap((it) => it.text || []).join(' ');
    return { name, about, file, language, seconds: secondsOf(file), text };
  };
  return [
    item('dense', 'two synthetic voices and Kennedy, pauses of 0.4 s', 'en', dense),
    item('pauses', 'four synthetic voices and Kennedy, pauses up to 12 s, noise between', 'en', paused),
    item(
      'russian',
      'a synthetic voice',
      'ru',
      RUSSIAN.map((text) => spoken(text, 'ru', 0.6)),
    ),
    item('nothing', 'silence, noise, hum and a chord, 30 s each', 'en', nothing),
    timed(directory),
  ];
}

function joined(parts: Part[], file: string): void {
  const filters = parts.map(
    ({ pauseS }, i) => `[${i}:a]aresample=16000,aformat=channel_layouts=mono,apad=pad_dur=${pauseS}[p${i}]`,
  );
  const all = `${parts.map((_, i) => `[p${i}]`).join('')}concat=n=${parts.length}:v=0:a=1[out]`;
  execFileSync('ffmpeg', [
    ...['-nostdin', '-v', 'error', '-y', ...parts.flatMap((it) => it.input)],
    ...['-filter_complex', [...filters, all].join(';'), '-map', '[out]', '-c:a', 'libmp3lame', '-b:a', '96k', file],
  ]);
}

/** One voice with espeak-ng's own word times; a WAV, since an encoder would move them. */
function timed(directory: string): Item {
  const [raw, json] = [join(directory, 'timed-22k.wav'), join(directory, 'timed.json')];
  const script = join(import.meta.dirname, '../engine/espeak_words.py');
  execFileSync('python3', [script, 'en-us', raw, json], { input: PARAGRAPHS.join('\n') });
  const file = join(directory, 'timed.wav');
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-i', raw, '-ar', '16000', '-ac', '1', file]);
  const words = JSON.parse(readFileSync(json, 'utf8')) as Timed[];
  const about = 'one synthetic voice, its word times known';
  return { name: 'timed', about, file, language: 'en', seconds: secondsOf(file), text: PARAGRAPHS.join(' '), words };
}

function secondsOf(file: string): number {
  const args = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', file];
  return Number(execFileSync('ffprobe', args, { encoding: 'utf8' }));
}

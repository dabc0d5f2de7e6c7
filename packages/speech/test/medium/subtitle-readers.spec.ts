import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TextFormat } from '@mediajob/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cue, cuesOf, documentOf } from '../../src/index.js';
import { CORPUS, spoken } from '../fixtures/spoken-corpus.js';

const run = promisify(execFile);

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'subtitles-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Cues as ffmpeg reads a file, by way of SubRip, without tags and marks of direction. */
async function readBack(format: TextFormat, document: Buffer): Promise<Pick<Cue, 'startMs' | 'endMs' | 'lines'>[]> {
  const path = join(directory, `file.${format}`);
  await writeFile(path, document);
  const { stdout } = await run('ffmpeg', ['-v', 'error', '-xerror', '-i', path, '-f', 'srt', '-']);
  return stdout
    .replace(/\r/g, '')
    .split(/\n\n(?=\d+\n\d\d:|$)/)
    .filter((block) => block.trim() !== '')
    .map((block) => {
      const [, times = '', ...lines] = block.trim().split('\n');
      const [from = '', to = ''] = times.split(' --> ').map((it) => it.split(/[:,]/).map(Number));
      const ms = ([h = 0, m = 0, s = 0, rest = 0]: number[] | '') =>
        ((h as number) * 3600 + Number(m) * 60 + Number(s)) * 1000 + Number(rest);
      return {
        startMs: ms(from),
        endMs: ms(to),
        lines: lines.map((it) => it.replace(/<[^>]*>/g, '').replace(/[\u200f\u202b\u202c]/g, '')),
      };
    });
}

const floored = (ms: number) => Math.floor(ms / 10) * 10;

describe.each(['en', 'ru', 'he', 'ar', 'zh', 'ja', 'th'])('subtitle files in %s, read by ffmpeg', (language) => {
  const text = CORPUS.find((it) => it.language === language) ?? CORPUS[0];
  if (text === undefined) throw new Error('no corpus');
  const segments = spoken(text, 7);
  const durationMs = 3_600_000;
  const cues = cuesOf(segments, {}, language, durationMs);
  const documentIn = async (format: TextFormat, wordTimes: boolean): Promise<Buffer> => {
    const head = {
      language: text.language,
      languageProbability: 1,
      task: 'transcribe',
      model: 'base',
      durationMs,
    } as const;
    const pieces: Buffer[] = [];
    const source = {
      ...{ head, rules: { wordTimes } },
      async *segments() {
        yield segments;
      },
    };
    for await (const piece of documentOf(format, source)) pieces.push(piece);
    return Buffer.concat(pieces);
  };

  it.each([
    ['srt', false],
    ['vtt', false],
    ['vtt', true],
  ] as const)('%s has the cues, their times and lines (times of words: %s)', async (format, wordTimes) => {
    expect(await readBack(format, await documentIn(format, wordTimes))).toEqual(
      cues.map(({ startMs, endMs, lines }) => ({ startMs, endMs, lines })),
    );
  });

  it.each([false, true])('ass has them to the hundredth (karaoke: %s)', async (wordTimes) => {
    expect(await readBack('ass', await documentIn('ass', wordTimes))).toEqual(
      cues.map(({ startMs, endMs, lines }) => ({ startMs: floored(startMs), endMs: floored(endMs), lines })),
    );
  });

  it('lrc has them as lines with a beginning', async () => {
    const back = (await readBack('lrc', await documentIn('lrc', false))).filter((it) => it.lines.join('') !== '');
    expect(back.map(({ startMs, lines }) => ({ startMs, text: lines.join(' ') }))).toEqual(
      cues.map(({ startMs, lines }) => ({ startMs: floored(startMs), text: lines.join(' ') })),
    );
  });
});

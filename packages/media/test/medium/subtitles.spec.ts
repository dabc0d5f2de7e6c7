import { execFile } from 'node:child_process';
import { mkdir, rename } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Rendition } from '@mediajob/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lettersWithoutFont } from '../../src/burn.js';
import { render } from '../../src/render.js';
import { ffmpeg, Studio } from '../recordings.js';

const run = promisify(execFile);
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast'];
const SRT = '1\n00:00:00,000 --> 00:00:02,000\nHello, ‹you› & me.\n\n2\n00:00:02,500 --> 00:00:03,500\nПока.\n\n';
const ass = (text: string) => `[Script Info]
ScriptType: v4.00+
PlayResX: 1920
PlayResY: 1080

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Sans,120,&H00FFFFFF,&H00B4B4B4,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,3,1,2,80,80,60,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.00,0:00:02.00,Default,,0,0,0,,${text}
`;

let studio: Studio;
let video: string;
beforeAll(async () => {
  studio = await Studio.open();
  video = await studio.video('clip.mov', H264, { size: '320x240' });
});
afterAll(() => studio.close());

async function rendered(input: string, rendition: Rendition, assPath?: string): Promise<string> {
  const path = `${input}.${rendition.subtitles}.${rendition.format}`;
  const srtPath = await studio.write('said.srt', SRT);
  const subtitles = { srtPath, assPath: assPath ?? (await studio.write('said.ass', ass('Hello'))), language: 'pt-BR' };
  await render(input, path, rendition, { audioTrack: 0, maxDurationMs: 60_000, ffmpeg, subtitles });
  return path;
}

interface Track {
  codec_type: string;
  codec_name: string;
  tags?: { language?: string };
  disposition: { default: number };
}

async function tracksOf(path: string): Promise<Track[]> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-of', 'json', '-show_streams', path]);
  return JSON.parse(stdout).streams;
}

/** The picture at a time, as bytes of grey. */
async function pictureAt(path: string, seconds: number): Promise<Buffer> {
  const { stdout } = await promisify(execFile)(
    'ffmpeg',
    [
      ...['-v', 'error', '-ss', String(seconds), '-i', path, '-frames:v', '1'],
      ...['-f', 'rawvideo', '-pix_fmt', 'gray', '-'],
    ],
    { encoding: 'buffer', maxBuffer: 1 << 24 },
  );
  return stdout;
}

/** Share of the pixels in the lower third that differ clearly. */
function changed(one: Buffer, other: Buffer): number {
  expect(one.length).toBe(other.length);
  const from = Math.floor((one.length * 2) / 3);
  let count = 0;
  for (let at = from; at < one.length; at++) if (Math.abs((one[at] ?? 0) - (other[at] ?? 0)) > 60) count++;
  return count / (one.length - from);
}

describe('a track of subtitles', () => {
  it.each([
    ['mp4', 'mov_text'],
    ['mkv', 'subrip'],
  ] as const)('in %s is there with its language, and switched on', async (format, codec) => {
    const path = await rendered(video, { format, subtitles: 'track' });
    const tracks = await tracksOf(path);
    const subtitles = tracks.filter((it) => it.codec_type === 'subtitle');
    expect(subtitles.map((it) => [it.codec_name, it.tags?.language, it.disposition.default])).toEqual([
      [codec, 'por', 1],
    ]);
    expect(tracks.filter((it) => it.codec_type === 'video')).toHaveLength(1);
    const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', path, '-map', '0:s:0', '-f', 'srt', '-']);
    // The sound of AAC begins a frame early, and Matroska has no negative times: all tracks move by that frame together.
    expect(stdout).toMatch(/00:00:02,5[0-4]\d --> 00:00:03,5[0-4]\d\nПока\./);
    expect(stdout).toContain('Hello, ‹you› & me.');
  });

  it('goes with sound alone where there is no picture', async () => {
    const path = await rendered(await studio.recording('talk.ogg', []), { format: 'mp4', subtitles: 'track' });
    expect((await tracksOf(path)).map((it) => it.codec_type).sort()).toEqual(['audio', 'subtitle']);
  });

  it('is not made of subtitles of the source', async () => {
    const other = await studio.write('other.srt', SRT.replaceAll('Hello', 'Theirs'));
    const path = await studio.ffmpeg(
      '-i',
      video,
      '-i',
      other,
      '-map',
      '0',
      '-map',
      '1',
      '-c',
      'copy',
      '-c:s',
      'srt',
      'theirs.mkv',
    );
    expect(
      (await tracksOf(await rendered(path, { format: 'mkv', subtitles: 'none' }))).map((it) => it.codec_type),
    ).not.toContain('subtitle');
    expect(
      (await tracksOf(await rendered(path, { format: 'mkv', subtitles: 'track' }))).filter(
        (it) => it.codec_type === 'subtitle',
      ),
    ).toHaveLength(1);
  });
});

describe('subtitles in the picture', () => {
  it.each(['mp4', 'webm', 'mkv'] as const)('of %s are seen while they are shown, and not later', async (format) => {
    const plain = `${video}.plain.${format}`;
    await render(video, plain, { format, height: 240 }, { audioTrack: 0, maxDurationMs: 60_000, ffmpeg });
    const burnt = await rendered(video, { format, height: 240, subtitles: 'burn' });
    expect(changed(await pictureAt(plain, 1), await pictureAt(burnt, 1))).toBeGreaterThan(0.02);
    expect(changed(await pictureAt(plain, 3), await pictureAt(burnt, 3))).toBeLessThan(0.005);
    expect((await tracksOf(burnt)).map((it) => it.codec_type)).not.toContain('subtitle');
  });

  it('are read from a folder with any name', async () => {
    const folder = studio.path(`it's [a] b:c, d;e \\ %f`);
    await mkdir(folder);
    const path = `${folder}/said.ass`;
    await rename(await studio.write('moved.ass', ass('Hello')), path);
    const burnt = await rendered(video, { format: 'mp4', subtitles: 'burn' }, path);
    expect(changed(await pictureAt(video, 1), await pictureAt(burnt, 1))).toBeGreaterThan(0.02);
  });

  it('are missed where no font has their letters, and found where one has', async () => {
    const look = async (letters: string) =>
      [...(await lettersWithoutFont(video, await studio.write('letters.ass', ass(letters)), { ffmpeg }))].join('');
    expect(await look('Hello, привет')).toBe('');
    // Egyptian hieroglyphs and Linear A: nobody here has them.
    expect([...(await look('a 𓀀 𐘀'))].sort().join('')).toBe('𐘀𓀀');
  });

  it('cannot be had from an ffmpeg without libass, which is said', async () => {
    const without = await studio.write(
      'ffmpeg-without-libass',
      `#!/bin/sh\nfor word in "$@"; do\n  case "$word" in ass=*)\n    echo "[AVFilterGraph @ 0x1] No such filter: 'ass'" >&2; exit 1;;\n  esac\ndone\nexec ffmpeg "$@"\n`,
    );
    await run('chmod', ['755', without]);
    await expect(
      lettersWithoutFont(video, await studio.write('letters.ass', ass('a')), { ffmpeg: { ...ffmpeg, path: without } }),
    ).rejects.toThrow(/built without libass/);
  });
});

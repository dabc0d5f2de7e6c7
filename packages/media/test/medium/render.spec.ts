import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { RENDITION_FORMATS, type Rendition } from '@mediajob/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyzeWav } from '../../src/analyze.js';
import { extractAudio } from '../../src/extract.js';
import { probe } from '../../src/probe.js';
import { render } from '../../src/render.js';
import { speechSpans } from '../../src/speech-map.js';
import { ffmpeg, Studio } from '../recordings.js';

let studio: Studio;
beforeAll(async () => {
  studio = await Studio.open();
});
afterAll(() => studio.close());

const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast'];

async function rendered(input: string, rendition: Rendition): Promise<{ path: string; fractions: number[] }> {
  const path = `${input}.${rendition.height ?? 'as-is'}.${rendition.format}`;
  const fractions: number[] = [];
  const options = { audioTrack: 0, maxDurationMs: 60_000, ffmpeg, onProgress: (it: number) => void fractions.push(it) };
  expect((await render(input, path, rendition, options)).bytes).toBeGreaterThan(1000);
  return { path, fractions };
}

async function speechStart(path: string): Promise<number | undefined> {
  const wav = `${path}.check.wav`;
  await extractAudio(path, wav, { audioTrack: 0, durationMs: 4000, maxDurationMs: 60_000, ffmpeg });
  return speechSpans(await analyzeWav(wav))[0]?.startMs;
}

/** Everything ffprobe knows. */
async function details(path: string): Promise<{
  streams: {
    codec_type: string;
    codec_name: string;
    width?: number;
    height?: number;
    bit_rate?: string;
    tags?: object;
  }[];
  format: { format_name: string; tags?: Record<string, string> };
  chapters: unknown[];
}> {
  const { stdout } = await promisify(execFile)('ffprobe', [
    ...['-v', 'error', '-of', 'json', '-show_streams', '-show_format', '-show_chapters', path],
  ]);
  return JSON.parse(stdout);
}

/** When each picture is shown, in s, in the order in which a player decodes them. */
async function frameTimes(path: string): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ffprobe', [
    ...['-v', 'error', '-select_streams', 'v', '-show_entries', 'frame=pts_time', '-of', 'json', path],
  ]);
  return JSON.parse(stdout).frames.map((frame: { pts_time: string }) => Number(frame.pts_time));
}

describe('a recording', () => {
  it.each(RENDITION_FORMATS)('becomes %s', async (format) => {
    const input = await studio.recording('talk.ogg', []);
    const { path, fractions } = await rendered(input, { format });
    const info = await probe(path, { ffmpeg });
    expect(Math.abs(info.durationMs - 4000)).toBeLessThan(150);
    expect(info.video).toBe(false);
    expect(Math.abs(((await speechStart(path)) ?? 0) - 1000)).toBeLessThan(150);
    expect(fractions.at(-1)).toBeGreaterThan(0.9);
  });

  it('keeps to the bitrate that is asked for', async () => {
    const input = await studio.recording('noisy.flac', [], 4000, [[0, 4000]]);
    const small = await rendered(input, { format: 'mp3', audioBitrate: 32_000 });
    expect(Number((await details(small.path)).streams[0]?.bit_rate)).toBe(32_000);
  });
});

describe('a video', () => {
  it.each(RENDITION_FORMATS)('becomes %s', async (format) => {
    const input = await studio.video('clip.mov', H264);
    const { path } = await rendered(input, { format });
    const info = await probe(path, { ffmpeg });
    expect(info.video).toBe(['mp4', 'webm', 'mkv'].includes(format));
    expect(Math.abs(info.durationMs - 4000)).toBeLessThan(200);
  });

  it.each<[string, string[], 'mp4' | 'webm' | 'mkv', string, string]>([
    ['ready.mp4', H264, 'mp4', 'h264', 'aac'],
    ['ready.webm', ['-c:v', 'libvpx', '-c:a', 'libopus'], 'webm', 'vp8', 'opus'],
    ['old.avi', ['-c:v', 'mpeg4', '-c:a', 'libmp3lame'], 'mp4', 'h264', 'mp3'],
    ['older.wmv', ['-c:v', 'wmv2', '-c:a', 'wmav2'], 'webm', 'vp9', 'opus'],
    ['broadcast.mpeg', ['-c:v', 'mpeg2video', '-c:a', 'mp2'], 'mkv', 'h264', 'mp2'],
    ['stream.ts', [...H264, '-c:a', 'mp2'], 'mkv', 'h264', 'mp2'],
    ['order.mkv', [...H264, '-bf', '2'], 'mp4', 'h264', 'aac'],
    ['flash.flv', ['-c:v', 'flv', '-c:a', 'libmp3lame'], 'mp4', 'h264', 'mp3'],
    ['phone.3gp', ['-c:v', 'h263', '-s', '176x144', '-c:a', 'aac', '-ac', '1'], 'mp4', 'h264', 'aac'],
  ])('%s: %j to %s is %s with %s', async (name, options, format, video, audio) => {
    const { path } = await rendered(await studio.video(name, options), { format });
    expect((await details(path)).streams.map((stream) => stream.codec_name).sort()).toEqual([audio, video].sort());
  });

  it.each<[string, string[]]>([
    ['b-frames.mp4', ['-c:v', 'libx264', '-bf', '2']],
    ['b-frames.mkv', ['-c:v', 'libx264', '-bf', '2']],
    ['b-frames.ts', ['-c:v', 'libx264', '-bf', '2', '-c:a', 'mp2']],
    ['b-frames.flv', ['-c:v', 'libx264', '-bf', '2', '-c:a', 'libmp3lame']],
    ['b-frames.avi', ['-c:v', 'libx264', '-bf', '2', '-c:a', 'libmp3lame']],
    ['b-frames.mpeg', ['-c:v', 'mpeg2video', '-bf', '2', '-c:a', 'mp2']],
  ])('%s shows its pictures in order, evenly', async (name, options) => {
    const input = await studio.video(name, options);
    for (const format of ['mp4', 'mkv'] as const) {
      const times = await frameTimes((await rendered(input, { format })).path);
      expect(times.length).toBeGreaterThan(95);
      const steps = times.slice(1).map((time, i) => Math.round(1000 * (time - (times[i] ?? 0))));
      expect(
        steps.filter((step) => step < 30 || step > 50),
        `${name} to ${format}`,
      ).toEqual([]);
    }
  });

  it('is made smaller, and never larger', async () => {
    const input = await studio.video('size.mp4', H264, { size: '320x240' });
    const heightOf = async (height: number) => {
      const { streams } = await details((await rendered(input, { format: 'mp4', height })).path);
      const picture = streams.find((stream) => stream.codec_type === 'video');
      return [picture?.width, picture?.height];
    };
    expect(await heightOf(120)).toEqual([160, 120]);
    expect(await heightOf(480)).toEqual([320, 240]);
  });

  it('of odd height gets even sides', async () => {
    const input = await studio.video('odd.mkv', ['-c:v', 'ffv1', '-pix_fmt', 'yuv444p'], { size: '99x77' });
    await expect(
      render(input, studio.path('odd.mp4'), { format: 'mp4' }, { audioTrack: 0, maxDurationMs: 60_000, ffmpeg }),
    ).rejects.toMatchObject({
      code: 'unsupported-media',
      problem: 'unknown-codec',
      message: expect.stringContaining('ffv1'),
    });
    const known = await studio.video('odd.webm', ['-c:v', 'libvpx', '-c:a', 'libopus'], { size: '99x77' });
    const { streams } = await details((await rendered(known, { format: 'mp4' })).path);
    expect(streams.find((stream) => stream.codec_type === 'video')).toMatchObject({ height: 76 });
  });

  it('can be played before all of it is there', async () => {
    const { path } = await rendered(await studio.video('web.mkv', H264), { format: 'mp4' });
    const { readFile } = await import('node:fs/promises');
    const bytes = await readFile(path);
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'));
  });

  it('loses what it says about its owner', async () => {
    const voice = await studio.voice('private.wav', 3000, [0, 3000]);
    const chapters = await studio.write(
      'chapters.txt',
      ';FFMETADATA1\ntitle=Secret\nartist=Me\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1500\ntitle=Part one\n',
    );
    const input = await studio.ffmpeg(
      ...['-f', 'lavfi', '-i', 'testsrc=duration=3:size=64x64', '-i', voice, '-i', chapters, '-map_metadata', '2'],
      ...['-metadata', 'location=+52.5-013.4/', '-metadata:s:a', 'title=Secret too', ...H264, 'private.mp4'],
    );
    for (const format of ['mp4', 'mkv', 'mp3', 'flac'] as const) {
      const { path } = await rendered(input, { format });
      const known = await details(path);
      expect(JSON.stringify(known)).not.toMatch(/Secret|52\.5|Part one/);
      expect(known.chapters).toEqual([]);
    }
  });

  it.each<[string, string[]]>([
    ['late.mp4', H264],
    ['late.mkv', [...H264, '-bf', '2']],
    ['late.ts', [...H264, '-c:a', 'mp2']],
  ])('%s with late sound keeps it in step', async (name, options) => {
    const input = await studio.video(name, options, { lateMs: 1500 });
    for (const format of ['mp3', 'mp4', 'webm', 'mkv'] as const) {
      const { path } = await rendered(input, { format });
      expect(Math.abs(((await speechStart(path)) ?? 0) - 1700), format).toBeLessThan(150);
    }
  });

  it('is refused, not half made, when its sound is missing', async () => {
    const input = await studio.ffmpeg('-f', 'lavfi', '-i', 'testsrc=duration=1', ...H264, 'mute.mp4');
    const making = render(
      input,
      studio.path('mute.mp3'),
      { format: 'mp3' },
      { audioTrack: 0, maxDurationMs: 60_000, ffmpeg },
    );
    await expect(making).rejects.toMatchObject({ problem: 'no-audio' });
  });
});

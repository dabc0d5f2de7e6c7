import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MediaError } from '../../src/errors.js';
import { extractAudio } from '../../src/extract.js';
import { runFfmpeg } from '../../src/ffmpeg.js';
import { probe } from '../../src/probe.js';
import { ffmpeg, Studio } from '../recordings.js';

let studio: Studio;
let server: Server;
let requests: string[];
let port: number;
beforeAll(async () => {
  studio = await Studio.open();
  requests = [];
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await studio.close();
});

async function refusal(
  path: string,
  options: { audioTrack?: number; maxDurationMs?: number } = {},
): Promise<MediaError> {
  return probe(path, { ffmpeg, ...options }).then(
    () => expect.fail('the probe accepted it'),
    (error: MediaError) => error,
  );
}

describe('a file that is no use gets its own answer', () => {
  const makers: [string, string, (name: string) => Promise<string>][] = [
    ['empty', 'empty.mp3', (name) => studio.write(name, '')],
    ['text', 'letter.mp3', (name) => studio.write(name, 'Dear Sir,\nplease transcribe this.\n')],
    [
      'image',
      'photo.mp3',
      (name) => studio.ffmpeg('-f', 'lavfi', '-i', 'testsrc', '-frames:v', '1', '-f', 'image2', '-c:v', 'png', name),
    ],
    ['archive', 'talk.zip', (name) => studio.write(name, Buffer.from('PK\x03\x04\x14\0\0\0', 'latin1'))],
    ['playlist', 'list.mp3', (name) => studio.write(name, '#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/a.ts\n')],
    [
      'no-audio',
      'silent.mp4',
      (name) => studio.ffmpeg('-f', 'lavfi', '-i', 'testsrc=duration=1', '-c:v', 'libx264', name),
    ],
    [
      'truncated',
      'cut.mp4',
      async (name) => {
        const whole = await studio.recording('whole.m4a', []);
        return studio.write(name, (await readFile(whole)).subarray(0, 20_000));
      },
    ],
    [
      'encrypted',
      'locked.mp4',
      async (name) => {
        const wav = await studio.voice('secret.wav', 2000, [0, 2000]);
        const keys = ['76a6c65c5ea762046bd749a2e632ccbb', 'a7e61c373e219033c21091fa607bf3b8'] as const;
        const scheme = ['-encryption_scheme', 'cenc-aes-ctr', '-encryption_key', keys[0], '-encryption_kid', keys[1]];
        return studio.ffmpeg('-i', wav, '-c:a', 'aac', ...scheme, name);
      },
    ],
    [
      'unknown-codec',
      'odd.mkv',
      async (name) => {
        const wav = await studio.voice('odd.wav', 1000, [0, 1000]);
        return studio.ffmpeg('-i', wav, '-c:a', 'tta', name);
      },
    ],
    [
      'unknown-format',
      'game.gif.mp3',
      async (name) => {
        const wav = await studio.voice('nut.wav', 1000, [0, 1000]);
        return studio.ffmpeg('-i', wav, '-f', 'nut', name);
      },
    ],
    [
      'unknown-format',
      'noise.mp3',
      (name) => studio.write(name, Buffer.from(Array.from({ length: 60_000 }, (_, i) => (i * i * 31 + i * 7) % 251))),
    ],
  ];

  it.each(makers)('%s', async (problem, name, make) => {
    const error = await refusal(await make(name));
    expect([error.code, error.problem]).toEqual(['unsupported-media', problem]);
    expect(error.message).toMatch(/\. .*\.$/);
    expect(error.message).not.toContain(studio.folder);
  });

  it('sound of which nothing decodes', async () => {
    const bytes = await readFile(await studio.recording('sound.aac', []));
    for (let at = 0; at + 7 < bytes.length; ) {
      // ADTS: 13 bits of frame length, headers of 7 bytes; what is between becomes rubbish.
      const length = (((bytes[at + 3] ?? 0) & 3) << 11) | ((bytes[at + 4] ?? 0) << 3) | ((bytes[at + 5] ?? 0) >> 5);
      for (let i = at + 7; i < at + length; i++) bytes[i] = (i * i * 31 + i * 7) % 251;
      at += length;
    }
    const path = await studio.write('hollow.aac', bytes);
    const making = probe(path, { ffmpeg }).then(({ durationMs }) =>
      extractAudio(path, studio.path('hollow.wav'), { audioTrack: 0, durationMs, maxDurationMs: 60_000, ffmpeg }),
    );
    await expect(making).rejects.toMatchObject({ code: 'unsupported-media', problem: 'nothing-decodes' });
  });

  it('a file that is not there', async () => {
    expect((await refusal(studio.path('nobody'))).code).toBe('input-not-found');
  });

  it('a folder', async () => {
    expect((await refusal(studio.folder)).code).toBe('unsupported-media');
  });

  it('a named pipe, without waiting for what may never come', async () => {
    execFileSync('mkfifo', [studio.path('pipe.mp3')]);
    expect((await refusal(studio.path('pipe.mp3'))).code).toBe('unsupported-media');
  });

  it('an audio track that is not there, with how many there are', async () => {
    const path = await studio.recording('one.mp3', []);
    const error = await refusal(path, { audioTrack: 3 });
    expect([error.code, error.problem]).toEqual(['invalid-arguments', 'no-such-track']);
    expect(error.message).toContain('Audio track 3');
    expect(error.message).toContain('one audio track: 0');
  });

  it('a recording that is too long', async () => {
    const path = await studio.recording('epic.mp3', []);
    const error = await refusal(path, { maxDurationMs: 2000 });
    expect([error.code, error.problem]).toEqual(['unsupported-media', 'too-long']);
    expect(error.message).toContain('0 min 2 s');
  });

  it('a header of two hours on a body of one second', async () => {
    const bytes = await readFile(await studio.voice('second.wav', 1_000, [0, 1000]));
    bytes.writeUInt32LE(7_200 * 32_000, 40);
    const error = await refusal(await studio.write('boast.wav', bytes));
    expect([error.code, error.problem]).toEqual(['unsupported-media', 'truncated']);
    expect(error.message).toContain('should last 2:00:00, but the file ends after 0:00:01');
  });

  it.each(['song.mp3', 'song.flac', 'song.mka', 'song.aiff'])('the first tenth of %s', async (name) => {
    const whole = await readFile(await studio.ffmpeg('-f', 'lavfi', '-i', 'sine=duration=60', name));
    const error = await refusal(await studio.write(`cut-${name}`, whole.subarray(0, whole.length / 10)));
    expect([error.code, error.problem]).toEqual(['unsupported-media', 'truncated']);
  });

  it('the first tenth of an m4a whose index comes first', async () => {
    const whole = await readFile(
      await studio.ffmpeg('-f', 'lavfi', '-i', 'sine=duration=60', '-movflags', 'faststart', 'song.m4a'),
    );
    const error = await refusal(await studio.write('cut.m4a', whole.subarray(0, whole.length / 10)));
    expect([error.code, error.problem]).toEqual(['unsupported-media', 'truncated']);
  });
});

describe('a file that tries to reach others', () => {
  const url = (path: string) => `http://127.0.0.1:${port}/${path}`;
  const attacks: [string, (victim: string) => string][] = [
    ['ffconcat', (victim) => `ffconcat version 1.0\nfile ${victim}\n`],
    ['ffconcat, absolute', (victim) => `ffconcat version 1.0\nfile 'file:${studio.path(victim)}'\n`],
    ['ffconcat over HTTP', () => `ffconcat version 1.0\nfile '${url('concat')}'\n`],
    ['HLS of a neighbour', (victim) => `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n${victim}\n#EXT-X-ENDLIST\n`],
    ['HLS over HTTP', () => `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n${url('hls.ts')}\n#EXT-X-ENDLIST\n`],
    [
      'DASH',
      () =>
        `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT4S"><Period><AdaptationSet mimeType="audio/mp4"><Representation id="0" bandwidth="1"><BaseURL>${url('dash.mp4')}</BaseURL></Representation></AdaptationSet></Period></MPD>`,
    ],
    [
      'SDP',
      () => `v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\n`,
    ],
  ];

  it.each(attacks)('%s: is refused before ffmpeg sees it', async (name, make) => {
    await studio.recording('victim.wav', []);
    const path = await studio.write(`${name.replaceAll(/\W/g, '-')}.mp3`, make('victim.wav'));
    expect((await refusal(path)).code).toBe('unsupported-media');
    expect(requests).toEqual([]);
  });

  it.each(attacks)('%s: gets nothing out of ffmpeg itself either', async (name, make) => {
    await studio.recording('victim.wav', []);
    const base = name.replaceAll(/\W/g, '-');
    const path = await studio.write(`${base}.mp3`, make('victim.wav'));
    const target = studio.path(`${base}.stolen.wav`);
    const run = runFfmpeg(
      { input: path, decoders: 'audio+video', outputs: [{ target: { file: target }, options: ['-f', 'wav'] }] },
      { ffmpeg, hardMs: 60_000 },
    );
    await expect(run).rejects.toMatchObject({ code: 'unsupported-media' });
    expect(existsSync(target)).toBe(false);
    expect(requests).toEqual([]);
  });

  it.each([
    '-i',
    '-f',
    '$(touch PWNED).mp3',
    '`touch PWNED`.mp3',
    'a;touch PWNED;.mp3',
    'pipe:0',
    '%03d.mp3',
    'a\nb.mp3',
    'http:x',
    "it's.mp3",
  ])('its name %j is only a name', async (name) => {
    const voice = await readFile(await studio.recording('plain.mp3', []));
    const path = await studio.write(name, voice);
    const info = await probe(path, { ffmpeg });
    expect(Math.abs(info.durationMs - 4000)).toBeLessThan(150);
    const wav = studio.path(`out ${name.replaceAll('\n', ' ')}.wav`);
    const result = await extractAudio(path, wav, { audioTrack: 0, durationMs: 4000, maxDurationMs: 60_000, ffmpeg });
    expect(Math.abs(result.durationMs - 4000)).toBeLessThan(150);
    expect(existsSync(studio.path('PWNED'))).toBe(false);
    expect(existsSync('PWNED')).toBe(false);
  });
});

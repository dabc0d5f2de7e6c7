import { describe, expect, it } from 'vitest';
import { parseOptions } from './options.ts';

describe('the command line of npm start', () => {
  it('resolves files against the directory in which npm was called', () => {
    expect(parseOptions(['talk.mp3', '/abs/b.wav'], '/home/me').files).toEqual(['/home/me/talk.mp3', '/abs/b.wav']);
  });

  it('splits lists and takes every documented option', () => {
    const options = parseOptions(
      [
        'a.mp3',
        '--language',
        'ru',
        '--model',
        'base',
        '--formats',
        'srt,vtt,json',
        '--subtitles',
        'bbc',
        '--video-subtitles',
        'burn',
        '--exit',
        '--no-open',
        '--port',
        '9000',
      ],
      '/',
    );
    expect(options).toMatchObject({
      language: 'ru',
      model: 'base',
      formats: ['srt', 'vtt', 'json'],
      subtitles: 'bbc',
      videoSubtitles: 'burn',
      exit: true,
      open: false,
      port: 9000,
    });
  });

  it.each([
    [['--nope'], /--nope/],
    [['--port', 'x'], /--port x/],
    [['--task', 'sing'], /--task sing/],
  ])('refuses %j with a sentence that names it', (argv, message) => {
    expect(() => parseOptions(argv as string[], '/')).toThrow(message);
  });
});

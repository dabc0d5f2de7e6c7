import { describe, expect, it } from 'vitest';
import { decodingOptions } from './decoding-options.js';
import { errorOf, lineOf, parseMessage } from './messages.js';

const audio = { wavPath: '/a b/ü\n.wav', startMs: 10, endMs: 20 };

describe('requests', () => {
  it('are one line each, whatever is in a path or a prompt', () => {
    const request = {
      ...audio,
      language: 'ru',
      task: 'transcribe',
      prompt: 'a\nb',
      options: decodingOptions('best'),
    } as const;
    const line = lineOf('1', { op: 'decode', request });
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(JSON.parse(line)).toMatchObject({
      op: 'decode',
      id: '1',
      wav: audio.wavPath,
      prompt: 'a\nb',
      options: { beamSize: 5 },
    });
  });

  it('for a language carry nothing but the audio', () => {
    const line = JSON.parse(lineOf('1', { op: 'detect-language', request: audio }));
    expect(line).toEqual({ op: 'detect-language', id: '1', wav: audio.wavPath, startMs: 10, endMs: 20 });
  });
});

describe('messages', () => {
  it('carry tokens as bytes, whole characters or not', () => {
    const token = { id: 7, bytes: 'd0', probability: 0.5, startMs: 1, endMs: 2 };
    const segment = { startMs: 1, endMs: 2, noSpeechProbability: 0, avgLogprob: -1, temperature: 0, tokens: [token] };
    const message = parseMessage(JSON.stringify({ event: 'result', id: '1', segments: [segment] }));
    expect(message.event === 'segments' && [...(message.segments[0]?.tokens[0]?.bytes ?? [])]).toEqual([0xd0]);
  });

  it.each([
    ['no JSON', 'Segmentation fault'],
    ['an unknown event', '{"event":"surprise"}'],
    ['another version of the protocol', '{"event":"ready","protocol":2,"engine":{},"model":{}}'],
    ['a segment without tokens', '{"event":"result","id":"1","segments":[{"startMs":0,"endMs":1}]}'],
    [
      'a language that Whisper does not know',
      '{"event":"result","id":"1","languages":[{"language":"xx","probability":1}]}',
    ],
  ])('are refused as internal errors when they are %s', (_, line) => {
    expect(() => parseMessage(line)).toThrowError(expect.objectContaining({ code: 'internal' }));
  });
});

describe('errors of the engine', () => {
  it('keep their code, a cancelled request is interrupted, and an unknown code is internal', () => {
    expect(errorOf('bad-input', 'x').code).toBe('bad-input');
    expect(errorOf('cancelled', 'x').code).toBe('interrupted');
    expect(errorOf('constructor', 'x').code).toBe('internal');
  });
});

import type { Window } from '@mediajob/contract';
import { type DecodeRequest, type DecodeResult, type Engine, EngineError } from '@mediajob/speech';
import { describe, expect, it } from 'vitest';
import { type HearOptions, hearWindow } from './hear-window.js';

const window: Window = { startMs: 0, endMs: 20_000 };
const speech: Window[] = [
  { startMs: 500, endMs: 9_000 },
  { startMs: 10_000, endMs: 19_000 },
];

type Say = (request: DecodeRequest, call: number) => { text: string; avgLogprob?: number };

/** Says its text evenly over the window it is asked for; nothing when the text is empty. */
function anEngine(say: Say): Engine & { asked: DecodeRequest[] } {
  const asked: DecodeRequest[] = [];
  return {
    asked,
    info: { name: 'fake', version: '1', states: 1, threads: 1, multilingual: true, languages: 99 },
    async decode(request): Promise<DecodeResult> {
      const { text, avgLogprob = -0.2 } = say(request, asked.push(request) - 1);
      const words = text.split(' ').filter((it) => it !== '');
      if (words.length === 0) return { segments: [] };
      const { startMs, endMs } = request;
      const step = (endMs - startMs) / words.length;
      const tokens = words.map((it, i) => ({
        ...{ id: i, bytes: Buffer.from(` ${it}`), probability: 0.9 },
        ...{ startMs: startMs + step * i, endMs: startMs + step * (i + 1) },
      }));
      return { segments: [{ startMs, endMs, tokens, noSpeechProbability: 0, avgLogprob, temperature: 0 }] };
    },
    detectLanguage: async () => [],
    close: async () => undefined,
  };
}

const ALL =
  'My sister works in a small hospital near the station. Every day she takes the early train, reads a book, and drinks one cup of coffee before her first patient arrives at nine.';
const LOOP = 'thank you '.repeat(20).trim();

function options(change: Partial<HearOptions> = {}): HearOptions {
  return {
    request: { wavPath: '/a.wav', language: 'en', task: 'transcribe', prompt: 'Kennedy' },
    evidence: { window, speech, tellsSpeech: true, language: 'en' },
    quality: 'balanced',
    fallback: async () => undefined,
    signal: new AbortController().signal,
    ...change,
  };
}

describe('a window', () => {
  it('that comes out well is heard once, with the vocabulary', async () => {
    const engine = anEngine(() => ({ text: ALL }));
    const { review, attempts } = await hearWindow(engine, window, options());
    expect({ attempts, doubts: review.doubts, prompts: engine.asked.map((it) => it.prompt) }).toEqual({
      ...{ attempts: 1, doubts: [] },
      prompts: ['Kennedy'],
    });
  });

  it('that comes out as a loop is heard again with beams and without the vocabulary, and that is taken', async () => {
    const engine = anEngine((_, call) => ({ text: call === 0 ? LOOP : ALL }));
    const { review, attempts } = await hearWindow(engine, window, options());
    expect(attempts).toBe(2);
    expect(engine.asked[1]).toMatchObject({ options: { beamSize: 5, temperature: 0 } });
    expect(engine.asked[1]).not.toHaveProperty('prompt');
    expect(review.doubts).toEqual([]);
    expect(review.segments.map((it) => it.text).join(' ')).toBe(ALL);
  });

  it('that lacks words gets those of the missing stretch, and keeps the others', async () => {
    const half = { startMs: 0, endMs: 9_500 };
    const engine = anEngine((request, call) => ({ text: call === 0 ? '' : request.startMs > 0 ? 'found again' : '' }));
    const decode = engine.decode.bind(engine);
    engine.decode = async (request) => {
      if (engine.asked.length > 0) return decode(request);
      engine.asked.push(request);
      return anEngine(() => ({ text: ALL })).decode({ ...request, ...half });
    };
    const { review } = await hearWindow(engine, window, options());
    expect(engine.asked[1]).toMatchObject({ startMs: 9_600, endMs: 19_400 });
    const text = review.segments.map((it) => it.text).join(' ');
    expect(text.startsWith(ALL)).toBe(true);
    expect(text).toMatch(/found again$/);
  });

  it.each([
    ['fast', 1],
    ['balanced', 3],
    ['best', 2],
  ] as const)('that stays doubtful is heard %s: %i times in all, and marked', async (quality, times) => {
    const engine = anEngine(() => ({ text: LOOP }));
    const { review, attempts } = await hearWindow(engine, window, options({ quality }));
    expect(attempts).toBe(times);
    expect(review.doubts).toEqual(['repetition']);
    expect(review.segments[0]?.doubts).toEqual(['repetition']);
  });

  it('that stays doubtful is heard by the larger model, whose name its segments then carry', async () => {
    const engine = anEngine(() => ({ text: LOOP }));
    const larger = anEngine(() => ({ text: ALL }));
    const fallback = async () => ({ engine: larger, model: 'small', failed: () => undefined });
    const { review } = await hearWindow(engine, window, options({ fallback }));
    expect(review.segments.map((it) => it.model)).toEqual(['small']);
    expect(review.doubts).toEqual([]);
  });

  it('stays as it is when the larger model dies on it, and whoever lent it is told', async () => {
    const engine = anEngine(() => ({ text: LOOP }));
    const larger = anEngine(() => {
      throw new EngineError('crashed', 'The engine died.');
    });
    const failures: string[] = [];
    const failed = (error: Error) => void failures.push(error.message);
    const { review } = await hearWindow(
      engine,
      window,
      options({ fallback: async () => ({ engine: larger, model: 'small', failed }) }),
    );
    expect(review.doubts).toEqual(['repetition']);
    expect(failures).toEqual(['The engine died.']);
  });

  it('on which the engine dies again only in a further attempt keeps what it has', async () => {
    const dying = () =>
      anEngine((_, call) => {
        if (call > 0) throw new EngineError('crashed', 'The engine died.');
        return { text: LOOP };
      });
    await expect(hearWindow(dying(), window, options())).rejects.toThrow('The engine died.');
    const { review, attempts } = await hearWindow(dying(), window, options({ triedBefore: true }));
    expect({ attempts, doubts: review.doubts }).toEqual({ attempts: 1, doubts: ['repetition'] });
    const atOnce = anEngine(() => {
      throw new EngineError('crashed', 'The engine died.');
    });
    await expect(hearWindow(atOnce, window, options({ triedBefore: true }))).rejects.toThrow('The engine died.');
  });

  it('is never left worse: the first one stays when the others are no better', async () => {
    const engine = anEngine((_, call) => ({ text: call === 0 ? ALL : '', avgLogprob: -1.5 }));
    const { review } = await hearWindow(engine, window, options());
    expect(review.segments.map((it) => it.text).join(' ')).toBe(ALL);
    expect(review.doubts).toEqual(['low-confidence']);
  });

  it('does not load the larger model while nothing is doubtful', async () => {
    const engine = anEngine(() => ({ text: ALL }));
    let asked = 0;
    const fallback = async () => {
      asked += 1;
      return undefined;
    };
    await hearWindow(engine, window, options({ fallback }));
    expect(asked).toBe(0);
  });

  it('comes out the same every time', async () => {
    const say: Say = (_, call) => ({ text: call % 2 === 0 ? LOOP : 'a b c', avgLogprob: -1.1 });
    const once = await hearWindow(anEngine(say), window, options({ quality: 'best' }));
    expect(await hearWindow(anEngine(say), window, options({ quality: 'best' }))).toEqual(once);
  });
});

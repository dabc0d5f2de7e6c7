import { mkdtempSync } from 'node:fs';
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EngineLines } from '../fixtures/engine-lines.js';
import { testedEngines } from '../fixtures/engines.js';
import { toyModel, writeToyModel } from '../fixtures/toy-model.js';
import { tone, wavOf, writeToneWav } from '../fixtures/wav.js';

// Half a Cyrillic letter a token, and an emoji in two pieces: what byte-level models really say.
const SCRIPT = [
  0,
  ' Hello',
  ' world',
  Buffer.from([0xd0]),
  Buffer.from([0x96]),
  Buffer.from([0xf0, 0x9f]),
  Buffer.from([0x98, 0x80]),
  1500,
];
const SPOKEN = ' Hello worldЖ😀';

const directory = mkdtempSync(join(tmpdir(), 'engine-'));
const wav = join(directory, 'tone.wav');
const model = join(directory, 'toy.bin');
const slowModel = join(directory, 'slow.bin');
let engine: EngineLines;
let program: string;

beforeAll(async () => {
  await writeToneWav(wav, 60_000);
  await writeToyModel(model, { script: SCRIPT });
  await writeToyModel(slowModel, { script: SCRIPT, audioLayers: 24 });
});

afterAll(() => rm(directory, { recursive: true, force: true }));

async function start(...args: string[]): Promise<EngineLines> {
  const started = new EngineLines(program, args.length ? args : ['--model', model]);
  engine = started;
  await started.next((it) => it.event === 'ready');
  return started;
}

afterEach(() => {
  engine?.child.kill('SIGKILL');
});

const window = (id: string, fields: object = {}) => ({
  op: 'decode',
  id,
  wav,
  startMs: 0,
  endMs: 2000,
  language: 'en',
  ...fields,
});

interface ResultSegment {
  startMs: number;
  endMs: number;
  tokens: { bytes: string; startMs: number; endMs: number; probability: number }[];
}

function segmentsOf(answer: { readonly [field: string]: unknown }): ResultSegment[] {
  return answer.segments as ResultSegment[];
}

describe.each(testedEngines())('$name: ', ({ name, version, program: tested }) => {
  beforeAll(() => {
    program = tested;
  });

  describe('the engine', () => {
    it('says what it is and what the model knows, when it has loaded it and when it is asked', async () => {
      await start('--model', model, '--states', '2', '--threads', '1');
      engine.send({ op: 'info', id: 'i' });
      const info = {
        event: 'ready',
        protocol: 1,
        engine: { name, version },
        model: { multilingual: true, languages: 99 },
        states: 2,
        threads: 1,
      };
      expect(engine.answers[0]).toEqual(info);
      expect(await engine.next((it) => it.id === 'i')).toEqual({ ...info, id: 'i' });
    });

    it('turns a window into tokens, byte by byte, with times of the file', async () => {
      await start();
      engine.send(window('w', { startMs: 10_000, endMs: 12_000 }));
      const [segment, ...more] = segmentsOf(await engine.outcome('w'));
      expect(more).toEqual([]);
      expect(segment?.tokens.map((it) => it.bytes).slice(2)).toEqual(['d0', '96', 'f09f', '9880']);
      const bytes = Buffer.concat((segment?.tokens ?? []).map((it) => Buffer.from(it.bytes, 'hex')));
      expect(bytes.toString()).toBe(SPOKEN);
      let last = 10_000;
      for (const token of segment?.tokens ?? []) {
        expect(token.startMs).toBeGreaterThanOrEqual(last);
        expect(token.endMs).toBeGreaterThanOrEqual(token.startMs);
        last = token.endMs;
      }
      expect(last).toBeLessThanOrEqual(12_000);
      expect(segment).toMatchObject({ startMs: segment?.tokens[0]?.startMs, endMs: last });
    });

    it('gives tokens the times of their segment when word times are not wanted', async () => {
      await start();
      engine.send(window('w', { startMs: 4000, endMs: 6000, options: { wordTimes: false } }));
      const [segment] = segmentsOf(await engine.outcome('w'));
      expect(segment).toMatchObject({ startMs: 4000, endMs: 5500 });
      expect(segment?.tokens.every((it) => it.startMs === 4000 && it.endMs === 5500)).toBe(true);
    });

    it.each([1, 15, 99, 160, 1001, 30_000])('takes a window of %i ms', async (ms) => {
      await start();
      engine.send(window('w', { endMs: ms }));
      const answer = await engine.outcome('w');
      expect(answer.event).toBe('result');
      for (const it of segmentsOf(answer)) expect(it.endMs).toBeLessThanOrEqual(ms);
    });

    it('survives a text that ends within the first 160 ms of a long window', async () => {
      const quick = join(directory, 'quick.bin');
      await writeToyModel(quick, { script: [0, ' you', 20] });
      await start('--model', quick);
      engine.send(window('w', { endMs: 20_000 }));
      expect((await engine.outcome('w')).event).toBe('result');
    });

    it('takes a prompt, beams and second attempts', async () => {
      await start();
      const options = {
        beamSize: 5,
        bestOf: 5,
        temperature: 0,
        temperatureStep: 0.2,
        entropyThreshold: 9,
        logprobThreshold: 0,
      };
      engine.send(window('w', { prompt: 'Ёлка, glossary, 東京', options }));
      expect((await engine.outcome('w')).event).toBe('result');
    });

    it('gives the languages of a window, best first, with probabilities that add up to 1', async () => {
      await start();
      engine.send({ op: 'detect-language', id: 'l', wav, startMs: 0, endMs: 5000 });
      const languages = (await engine.outcome('l')).languages as { language: string; probability: number }[];
      expect(languages).toHaveLength(99);
      expect(languages.map((it) => it.language)).not.toContain('yue');
      const probabilities = languages.map((it) => it.probability);
      expect(probabilities).toEqual(probabilities.toSorted((a, b) => b - a));
      expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 1);
    });

    it('knows English only when its model does', async () => {
      const english = join(directory, 'english.bin');
      await writeToyModel(english, { script: [0, ' Yes', 900], multilingual: false });
      await start('--model', english);
      engine.send(window('en'), window('ru', { language: 'ru' }), window('t', { task: 'translate' }), {
        op: 'detect-language',
        id: 'l',
        wav,
        startMs: 0,
        endMs: 1000,
      });
      expect(segmentsOf(await engine.outcome('en'))[0]?.tokens[0]?.bytes).toBe(Buffer.from(' Yes').toString('hex'));
      expect(await engine.outcome('ru')).toMatchObject({
        code: 'bad-request',
        message: expect.stringContaining("'ru'"),
      });
      expect(await engine.outcome('t')).toMatchObject({ code: 'bad-request' });
      expect(await engine.outcome('l')).toMatchObject({ languages: [{ language: 'en', probability: 1 }] });
    });

    it('decodes as many windows at once as it has states', async () => {
      await start('--model', slowModel, '--states', '2');
      engine.send(window('1'), window('2'), window('3'));
      await Promise.all(['1', '2', '3'].map((id) => engine.outcome(id)));
      const order = engine.answers
        .filter((it) => it.event === 'started' || it.event === 'result')
        .map((it) => it.event);
      expect(order.slice(0, 2)).toEqual(['started', 'started']);
      expect(order.filter((it) => it === 'result')).toHaveLength(3);
    });

    it('gives the same text for the same window at a temperature above 0, whatever it decoded before', async () => {
      const dicey = join(directory, 'dicey.bin');
      await writeToyModel(dicey, { script: SCRIPT, emphasis: 0.4 });
      await start('--model', dicey);
      const hot = { options: { temperature: 0.8, bestOf: 2 } };
      engine.send(window('1', hot), window('other', { ...hot, endMs: 15_000 }), window('2', hot));
      const [first, , second] = await Promise.all(['1', 'other', '2'].map((id) => engine.outcome(id)));
      expect(segmentsOf(first ?? {}).flatMap((it) => it.tokens).length).toBeGreaterThan(0);
      expect(second?.segments).toEqual(first?.segments);
    });
  });

  describe('a bad request', () => {
    it.each<[string, object | string | Buffer, RegExp]>([
      ['that is no JSON', 'hello', /one JSON object/],
      ['that is a list', '[]', /one JSON object/],
      ['that is no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), /UTF-8/],
      ['that is nested very deeply', '['.repeat(60_000), /one JSON object/],
      ['that is longer than any request', 'x'.repeat(3_000_000), /longer than 65536/],
      ['without an operation', { id: 'x' }, /'op'/],
      ['for an unknown operation', { id: 'x', op: 'sing' }, /no operation 'sing'/],
      ['without an id', { ...window(''), id: undefined }, /'id'/],
      ['with an id of another type', { ...window('x'), id: 5 }, /'id'/],
      ['with a relative path', window('x', { wav: 'tone.wav' }), /absolute/],
      ['with a NUL in its path', window('x', { wav: '/tmp/a\0b' }), /NUL/],
      ['for more than 30 s', window('x', { endMs: 30_001 }), /30000/],
      ['for nothing', window('x', { startMs: 5, endMs: 5 }), /endMs/],
      ['that goes backwards', window('x', { startMs: 10, endMs: 5 }), /endMs/],
      ['with a fraction of a ms', window('x', { endMs: 10.5 }), /endMs/],
      ['with a number beyond all numbers', window('x', { endMs: 1e300 }), /endMs/],
      [
        'with a number that wraps around',
        '{"op":"decode","id":"x","wav":"/x","startMs":18446744073709551615,"endMs":5}',
        /startMs/,
      ],
      ['beyond the end of the file', window('x', { startMs: 59_000, endMs: 61_000 }), /60000 ms long/],
      ['in an unknown language', window('x', { language: 'tlh' }), /'tlh'/],
      ['in a language by its name', window('x', { language: 'english' }), /'english'/],
      ['in a language that only larger models know', window('x', { language: 'yue' }), /'yue'/],
      ['for an unknown task', window('x', { task: 'sing' }), /'task'/],
      ['with a prompt too long for any model', window('x', { prompt: 'word '.repeat(1000) }), /'prompt'/],
      ['with nine beams', window('x', { options: { beamSize: 9 } }), /'beamSize'/],
      ['with steps that never end', window('x', { options: { temperatureStep: 1e-9 } }), /'temperatureStep'/],
      ['with a word for a number', window('x', { options: { temperature: 'hot' } }), /'temperature'/],
    ])('%s is answered, and the next one works', async (_, request, message) => {
      await start();
      engine.send(request, window('next'));
      expect(await engine.next((it) => it.event === 'error')).toMatchObject({
        code: 'bad-request',
        message: expect.stringMatching(message),
      });
      expect((await engine.outcome('next')).event).toBe('result');
    });

    it('with the id of a running request is refused, and the id is free when that has ended', async () => {
      await start('--model', slowModel);
      engine.send(window('1'), window('1'));
      expect(await engine.outcome('1')).toMatchObject({ code: 'bad-request', message: expect.stringContaining('id') });
      await engine.next((it) => it.event === 'result' && it.id === '1');
      engine.answers.length = 0;
      engine.send(window('1'));
      expect((await engine.outcome('1')).event).toBe('result');
    });
  });

  describe('audio', () => {
    const samples = tone(2000, 440, 0.3);
    const cases: [string, string, () => Buffer, RegExp][] = [
      ['empty', 'bad-input', () => Buffer.alloc(0), /too short/],
      ['text', 'bad-input', () => Buffer.from('this is no audio at all, it is text'), /not a WAV/],
      ['stereo', 'bad-input', () => wavOf(samples, { channels: 2 }), /2 channel/],
      ['of 44.1 kHz', 'bad-input', () => wavOf(samples, { rate: 44_100 }), /44100 Hz/],
      ['of 8 bits', 'bad-input', () => wavOf(samples, { bits: 8 }), /8 bits/],
      ['floating-point', 'bad-input', () => wavOf(samples, { format: 3 }), /format 3/],
      ['cut short in its header', 'bad-input', () => wavOf(samples).subarray(0, 30), /damaged|cut short|no samples/],
      ['cut short in its samples', 'bad-request', () => wavOf(samples).subarray(0, 20_000), /ms long/],
      ['without samples', 'bad-request', () => wavOf(new Int16Array(0)), /0 ms long/],
    ];
    it.each(cases)('that is %s is answered with %s and why', async (name, code, bytes, message) => {
      const path = join(directory, `${name.replaceAll(/\W+/g, '-')}.wav`);
      await writeFile(path, bytes());
      await start();
      engine.send(window('x', { wav: path }));
      expect(await engine.outcome('x')).toMatchObject({ code, message: expect.stringMatching(message) });
    });

    it('that is not there, or no file, is answered', async () => {
      const loop = join(await mkdtemp(join(directory, 'loop-')), 'loop.wav');
      await symlink(loop, loop);
      await start();
      engine.send(
        window('1', { wav: join(directory, 'gone.wav') }),
        window('2', { wav: directory }),
        window('3', { wav: loop }),
      );
      expect(await engine.outcome('1')).toMatchObject({
        code: 'input-not-found',
        message: expect.stringContaining('gone.wav'),
      });
      expect(await engine.outcome('2')).toMatchObject({ code: 'bad-input' });
      expect(await engine.outcome('3')).toMatchObject({ code: 'storage-error' });
    });

    it('may have other chunks before its samples, and an unknown length as a pipe leaves it', async () => {
      const path = join(directory, 'chunks.wav');
      const list = Buffer.concat([Buffer.from('LIST'), Buffer.from([3, 0, 0, 0]), Buffer.from('abc\0')]);
      await writeFile(path, wavOf(samples, { extra: list, dataBytes: 0xffffffff }));
      await start();
      engine.send(window('x', { wav: path }));
      expect((await engine.outcome('x')).event).toBe('result');
    });
  });

  describe('cancel', () => {
    it('ends a request that waits and one that runs, and the next one works', async () => {
      await start('--model', slowModel);
      engine.send(window('running', { endMs: 30_000 }), window('waiting'), window('next'));
      await engine.next((it) => it.event === 'started');
      engine.send({ op: 'cancel', id: 'waiting' }, { op: 'cancel', id: 'running' }, { op: 'cancel', id: 'unknown' });
      expect(await engine.outcome('running')).toMatchObject({ code: 'cancelled' });
      expect(await engine.outcome('waiting')).toMatchObject({ code: 'cancelled' });
      expect((await engine.outcome('next')).event).toBe('result');
      expect(engine.answers.some((it) => it.event === 'started' && it.id === 'waiting')).toBe(false);
    });
  });

  describe('a model', () => {
    const broken: [string, () => Buffer, RegExp][] = [
      ['is no model', () => Buffer.from('no model'), /no ggml/],
      ['is empty', () => Buffer.alloc(0), /no ggml/],
      ['is cut short in its last tensor', () => toyModel({ script: SCRIPT }).subarray(0, -10), /cut short/],
      ['is cut short before its weights', () => toyModel({ script: SCRIPT }).subarray(0, 300_000), /cut short|damaged/],
      ['has garbage for dimensions', () => toyModel({ script: SCRIPT }).fill(0xee, 4, 40), /dimensions/],
    ];
    it.each(broken)('that %s is refused with exit code 78 and a reason', async (name, bytes, message) => {
      const path = join(directory, `${name.replaceAll(/\W+/g, '-')}.bin`);
      await writeFile(path, bytes());
      engine = new EngineLines(program, ['--model', path]);
      expect(await engine.next((it) => it.event === 'error')).toMatchObject({
        code: 'bad-model',
        message: expect.stringMatching(message),
      });
      expect(await engine.ended).toBe(78);
    });

    it('that is not there is refused likewise', async () => {
      engine = new EngineLines(program, ['--model', join(directory, 'gone.bin')]);
      expect(await engine.next((it) => it.event === 'error')).toMatchObject({ code: 'model-not-found' });
      expect(await engine.ended).toBe(78);
    });
  });

  describe('the process', () => {
    it('ends at the end of stdin, whatever runs', async () => {
      await start('--model', slowModel);
      engine.send(window('1', { endMs: 30_000 }), window('2', { endMs: 30_000 }));
      engine.child.stdin.end();
      expect(await engine.ended).toBe(0);
    });

    it('ends in order when it is asked to, whatever runs', async () => {
      await start('--model', slowModel);
      engine.send(window('1', { endMs: 30_000 }));
      engine.send({ op: 'shutdown' });
      expect(await engine.ended).toBe(0);
    });

    it('refuses arguments that it does not know with exit code 64', async () => {
      for (const args of [
        [],
        ['--model'],
        ['--models', 'x'],
        ['--model', model, '--states', '0'],
        ['--model', model, '--threads', '2x'],
      ]) {
        engine = new EngineLines(program, args);
        expect(await engine.ended).toBe(64);
      }
    });

    it('writes no file', async () => {
      const cwd = await mkdtemp(join(directory, 'cwd-'));
      engine = new EngineLines(program, ['--model', model], { cwd });
      engine.send(window('1'));
      await engine.outcome('1');
      expect(await readdir(cwd)).toEqual([]);
    });
  });
});

beforeEach(() => {
  expect.hasAssertions();
});

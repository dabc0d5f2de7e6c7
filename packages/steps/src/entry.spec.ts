import { EventEmitter } from 'node:events';
import { STEP_OUTCOME_MAX_BYTES, StepOutcome } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { outcomeLine, runEntry } from './entry.js';

const aFailure = (message: string): StepOutcome => ({
  failure: { exitCode: 66, reason: 'InputNotFound', message },
  usage: { cpuSeconds: 1.25, maxRssBytes: 1 << 30 },
});

describe('an outcome fits into a termination message', () => {
  it.each([
    ['plain text', 'a'.repeat(1024), 1024],
    ['Cyrillic', 'ж'.repeat(1024), 1024],
    ['three bytes a character', '語'.repeat(1024), 1024],
    ['control characters, which JSON writes as six', '\u0001'.repeat(1024), undefined],
    ['pairs of surrogates', '🎙'.repeat(512), 512 * 2],
    ['lone surrogates', '\ud83c'.repeat(1024), undefined],
  ])('%s', (_what, message, whole) => {
    const line = outcomeLine(aFailure(message));
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(STEP_OUTCOME_MAX_BYTES);
    const outcome = StepOutcome.parse(JSON.parse(line));
    const said = 'failure' in outcome ? outcome.failure.message : '';
    if (whole !== undefined) expect(said).toBe(message);
    else expect(said).toMatch(/^.{300,}…$/su);
    expect(outcome.usage).toEqual({ cpuSeconds: 1.25, maxRssBytes: 1 << 30 });
  });

  it('that is cut is cut between characters', () => {
    // An odd number of units, so that a cut in the middle could split a pair.
    const line = outcomeLine(aFailure(`\u0001${'🎙\u0001'.repeat(300)}`));
    expect(line).not.toMatch(/\\ud8/i);
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(STEP_OUTCOME_MAX_BYTES);
  });
});

describe('an entry', () => {
  const silent = { stdout: () => undefined, stderr: () => undefined };

  it('with nothing to tell prints nothing and ends with 0', async () => {
    const out: string[] = [];
    const code = await runEntry({}, { ...silent, stdout: (text) => void out.push(text) }, async () => undefined);
    expect({ code, out }).toEqual({ code: 0, out: [] });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'asked by %s to stop ends with 143, though its work was done',
    async (name) => {
      const signals = new EventEmitter();
      const out: string[] = [];
      const code = await runEntry({}, { ...silent, signals, stdout: (text) => void out.push(text) }, async () => {
        signals.emit(name, name);
        return { result: { stage: 'cleanup', removed: 0 }, usage: { cpuSeconds: 1, maxRssBytes: 1 } };
      });
      expect(code).toBe(143);
      expect(StepOutcome.parse(JSON.parse(out.join('')))).toMatchObject({
        failure: { reason: 'Interrupted' },
        usage: { cpuSeconds: 1 },
      });
      expect(signals.listenerCount(name)).toBe(0);
    },
  );

  it('whose work throws ends with the code that the error stands for', async () => {
    const enospc = Object.assign(new Error('full'), { code: 'ENOSPC' });
    expect(await runEntry({}, silent, () => Promise.reject(enospc))).toBe(73);
    expect(await runEntry({}, silent, () => Promise.reject(new Error('defect')))).toBe(70);
  });
});

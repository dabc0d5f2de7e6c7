import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runModelsCommand } from './commands.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'models-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function run(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runModelsCommand(argv, {
    env: { MEDIAJOB_MODELS_DIR: directory },
    signal: new AbortController().signal,
    out: (line) => out.push(line),
    err: (line) => err.push(line),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('mediajob-models', () => {
  it.each([
    [[], /Usage/],
    [['fetch', 'base'], /no command "fetch"/],
    [['pull'], /Which model/],
    [['pull', 'huge'], /no model "huge"/],
    [['pull', 'base', '--quantization', 'q1'], /must be q8_0 or f16/],
    [['list', '--wrong'], /--wrong/],
  ])('answers %j with 64 and says what is wrong', async (argv, message) => {
    const { code, err } = await run(...argv);
    expect(code).toBe(64);
    expect(err).toMatch(message);
  });

  it('lists the catalog', async () => {
    const { code, out } = await run('list');
    expect(code).toBe(0);
    expect(out).toMatch(/^base +- .* 99 languages/m);
    expect(out).toMatch(/^base\.en +- .* 1 language /m);
  });

  it('explains itself', async () => {
    expect((await run('--help')).code).toBe(0);
  });

  it('answers 78 for a model that is missing or no model', async () => {
    expect(await run('verify', 'tiny')).toMatchObject({
      code: 78,
      err: expect.stringMatching(/mediajob-models pull tiny/),
    });
    await writeFile(join(directory, 'base.bin'), 'not a model');
    expect(await run('verify')).toMatchObject({ code: 78, err: expect.stringMatching(/not a whole Whisper model/) });
  });

  it('removes what is there and says when nothing is', async () => {
    await writeFile(join(directory, 'base.bin'), 'not a model');
    expect(await run('remove', 'base')).toMatchObject({ code: 0, out: 'base: removed' });
    expect(await run('remove', 'base')).toMatchObject({ code: 0, out: 'base: was not there' });
  });
});

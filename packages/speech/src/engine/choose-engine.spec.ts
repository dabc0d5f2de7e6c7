import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chooseEngine } from './choose-engine.js';

let directory: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'engines-'));
  env = { MEDIAJOB_ENGINE: join(directory, 'mediajob-engine') };
});

afterEach(() => rm(directory, { recursive: true, force: true }));

async function install(name: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, '');
  await chmod(path, 0o755);
  return path;
}

describe('chooseEngine', () => {
  it('takes CTranslate2 for auto where it is installed', async () => {
    const program = await install('mediajob-engine-ct2');
    expect(chooseEngine('auto', env)).toEqual({ kind: 'ctranslate2', program });
  });

  it('takes whisper.cpp for auto elsewhere, and says why', () => {
    expect(chooseEngine('auto', env)).toEqual({
      kind: 'whispercpp',
      program: env.MEDIAJOB_ENGINE,
      instead: expect.stringContaining('mediajob-engine-ct2'),
    });
  });

  it('does not take a file for it that cannot be run', async () => {
    await writeFile(join(directory, 'mediajob-engine-ct2'), '', { mode: 0o644 });
    expect(chooseEngine('auto', env).kind).toBe('whispercpp');
  });

  it('keeps to the one that is named, whatever is installed', async () => {
    await install('mediajob-engine-ct2');
    expect(chooseEngine('whispercpp', env)).toEqual({ kind: 'whispercpp', program: env.MEDIAJOB_ENGINE });
    await rm(join(directory, 'mediajob-engine-ct2'));
    expect(chooseEngine('ctranslate2', env).program).toBe(join(directory, 'mediajob-engine-ct2'));
  });
});

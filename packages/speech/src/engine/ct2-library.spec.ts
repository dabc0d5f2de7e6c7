import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bringCt2Library, ct2LibraryDir, hasCt2Library } from './ct2-library.js';

let home: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'library-'));
  await mkdir(join(home, 'bin'));
  env = { PATH: `${join(home, 'bin')}:/usr/bin:/bin`, MEDIAJOB_CACHE_DIR: join(home, 'cache') };
});

afterEach(() => rm(home, { recursive: true, force: true }));

async function npm(script: string): Promise<void> {
  await writeFile(join(home, 'bin', 'npm'), `#!/bin/sh\n${script}\n`);
  await chmod(join(home, 'bin', 'npm'), 0o755);
}

const bring = (platform = 'linux-x64') => bringCt2Library({ env, platform });

describe('bringCt2Library', () => {
  it('says how to go on when npm cannot bring it, and leaves nothing behind', async () => {
    await npm('echo "npm error network" >&2; exit 1');
    await expect(bring()).rejects.toMatchObject({
      code: 'library-missing',
      message: expect.stringContaining('npm error network'),
      mend: expect.stringContaining('MEDIAJOB_SPEECH_ENGINE=whispercpp'),
    });
    expect(await readdir(join(home, 'cache/mediajob/ctranslate2'))).toEqual([]);
  });

  it('refuses a package with another checksum', async () => {
    await npm('echo other > package.tgz; echo package.tgz');
    await expect(bring()).rejects.toMatchObject({ message: expect.stringContaining('another checksum') });
    expect(existsSync(ct2LibraryDir(env))).toBe(false);
  });

  it('asks nobody when it is there', async () => {
    await npm('exit 1');
    await mkdir(join(ct2LibraryDir(env), 'lib'), { recursive: true });
    expect(await bring()).toBe(ct2LibraryDir(env));
  });

  it('takes a directory that is named, or says what is wrong with it', async () => {
    env.MEDIAJOB_CTRANSLATE2_DIR = join(home, 'own');
    await expect(bring()).rejects.toMatchObject({ message: expect.stringContaining('MEDIAJOB_CTRANSLATE2_DIR') });
    await mkdir(join(home, 'own/lib'), { recursive: true });
    expect(await bring()).toBe(join(home, 'own'));
  });

  it('is not tried on a machine that there is no library for', async () => {
    await npm('exit 1');
    await expect(bring('darwin-arm64')).rejects.toMatchObject({ message: expect.stringContaining('kind of machine') });
    expect(hasCt2Library('darwin-arm64')).toBe(false);
    expect(hasCt2Library('linux-x64')).toBe(true);
  });
});

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildEngine } from './build.js';
import { engineDir, enginePath } from './engine-files.js';

let home: string;
let env: NodeJS.ProcessEnv;

/** A cmake that "compiles": it writes what it was told to, and counts how often it was asked to build. */
const FAKE_CMAKE = `#!/bin/sh
if [ "$1" = --build ]; then
  echo built >> "$2/builds"
  [ -n "$FAKE_SLOW" ] && sleep 0.3
  [ -n "$FAKE_FAILS" ] && { echo "engine.cpp:1: error: $FAKE_FAILS"; exit 2; }
  mkdir -p "$2/bin" && echo program > "$2/bin/mediajob-engine" && echo other > "$2/bin/whisper-cli" && echo lib > "$2/bin/libggml.so.0"
  exit 0
fi
[ -n "$FAKE_NO_COMPILER" ] && { echo "No CMAKE_CXX_COMPILER could be found."; exit 1; }
exit 0
`;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'build-'));
  const bin = join(home, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'cmake'), FAKE_CMAKE);
  await chmod(join(bin, 'cmake'), 0o755);
  env = { PATH: `${bin}:/usr/bin:/bin`, MEDIAJOB_CACHE_DIR: join(home, 'cache') };
});

afterEach(() => rm(home, { recursive: true, force: true }));

function engines(): Promise<string[]> {
  return readdir(join(home, 'cache', 'mediajob', 'engine'));
}

describe('buildEngine', () => {
  it('puts the engine and its libraries, and nothing else, where enginePath finds them', async () => {
    const programs = await buildEngine({ env });
    expect(join(programs, 'mediajob-engine')).toBe(enginePath({ env }));
    expect((await readdir(programs)).sort()).toEqual(['libggml.so.0', 'mediajob-engine']);
    expect(await engines()).toHaveLength(1);
  });

  it('does nothing when the engine is there', async () => {
    await buildEngine({ env });
    await buildEngine({ env: { ...env, FAKE_FAILS: 'was built again' } });
  });

  it('gives several builders at once the same whole engine', async () => {
    const slow = { ...env, FAKE_SLOW: '1' };
    const all = await Promise.all([buildEngine({ env: slow }), buildEngine({ env: slow }), buildEngine({ env: slow })]);
    expect(new Set(all).size).toBe(1);
    expect(await readFile(enginePath({ env }), 'utf8')).toBe('program\n');
    expect(await engines()).toHaveLength(1);
  });

  it('goes on in the directory of a build that was killed', async () => {
    const dead = spawn('true');
    await new Promise((resolve) => dead.once('close', resolve));
    const left = `${engineDir({ env })}.build`;
    await mkdir(left, { recursive: true });
    await writeFile(join(left, 'lock'), `${dead.pid}`);
    await writeFile(join(left, 'half-done.o'), '');
    let seen = false;
    await buildEngine({
      env: { ...env, FAKE_FAILS: 'stop here' },
      log: () => {
        seen = existsSync(join(left, 'half-done.o')) && existsSync(join(left, 'builds'));
      },
    }).catch(() => undefined);
    expect(seen).toBe(true);
    await buildEngine({ env });
    expect(existsSync(left)).toBe(false);
  });

  it('shows nothing where the engine should be when compiling fails, and says what the compiler said', async () => {
    await expect(buildEngine({ env: { ...env, FAKE_FAILS: 'unknown type' } })).rejects.toMatchObject({
      code: 'compile-failed',
      message: expect.stringContaining('unknown type'),
    });
    expect(existsSync(dirname(enginePath({ env })))).toBe(false);
    await buildEngine({ env });
  });

  it('names the command that brings cmake or a compiler when one is missing', async () => {
    await rm(join(home, 'bin', 'cmake'));
    await expect(buildEngine({ env: { ...env, PATH: join(home, 'bin') } })).rejects.toMatchObject({
      code: 'tool-missing',
      message: expect.stringContaining('cmake'),
      mend: expect.stringContaining('cmake'),
    });
    await writeFile(join(home, 'bin', 'cmake'), FAKE_CMAKE, { mode: 0o755 });
    await expect(buildEngine({ env: { ...env, FAKE_NO_COMPILER: '1' } })).rejects.toMatchObject({
      code: 'tool-missing',
      message: expect.stringContaining('compiler'),
    });
  });

  it('stops at once when it is interrupted, and can be run again', async () => {
    const abort = new AbortController();
    const build = buildEngine({ env: { ...env, FAKE_SLOW: '1' }, signal: abort.signal });
    abort.abort();
    await expect(build).rejects.toMatchObject({ code: 'interrupted' });
    await buildEngine({ env });
  });
});

describe('enginePath', () => {
  it('is $MEDIAJOB_ENGINE when that is set', () => {
    expect(enginePath({ env: { ...env, MEDIAJOB_ENGINE: '/opt/engine' } })).toBe('/opt/engine');
  });

  it('differs between builds that differ', () => {
    const paths = [enginePath({ env }), enginePath({ env, portable: true }), enginePath({ env, tools: true })];
    expect(new Set(paths).size).toBe(3);
  });
});

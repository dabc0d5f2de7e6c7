import { spawn } from 'node:child_process';
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
import { bringKube, describeKubeBuild, KUBE_PROGRAMS, type KubeOptions, kubeBinary } from './kube.ts';
import { SetupError } from './step.ts';

let home: string;
let source: string;
let options: KubeOptions;

const SOURCES: Record<string, string> = {
  'go.mod': 'module kube\n\ngo 1.26.0\n\nrequire (\n\tk8s.io/kubernetes v1.36.3\n)\n',
  'go.sum': 'k8s.io/kubernetes v1.36.3 h1:x\n',
  'main.go': 'package main\n',
};

/** A Go that "compiles": it counts how often it is asked, and writes a program that is its arguments. */
const FAKE_GO = `#!/bin/sh
echo built >> "$FAKE_HOME/builds"
[ -n "$FAKE_SAYS" ] && { echo "$FAKE_SAYS" >&2; exit 1; }
all="$*"
while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
echo "$all $CGO_ENABLED $GOFLAGS" > "$out"
`;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kube-'));
  source = join(home, 'source');
  mkdirSync(source);
  for (const [name, text] of Object.entries(SOURCES)) writeFileSync(join(source, name), text);
  const go = join(home, 'go');
  writeFileSync(go, FAKE_GO);
  chmodSync(go, 0o755);
  const env = { PATH: process.env.PATH, FAKE_HOME: home, GOFLAGS: '-mod=vendor' };
  options = { env, cache: join(home, 'cache'), source, platform: 'linux', go: () => go };
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

const builds = (): number => readFileSync(join(home, 'builds'), 'utf8').split('\n').length - 1;
const cached = (): string[] => readdirSync(join(home, 'cache', 'kube'));
const says = (text: string): KubeOptions => ({ ...options, env: { ...options.env, FAKE_SAYS: text } });

describe('describeKubeBuild', () => {
  it('stamps the version that go.mod asks for into the server and the client', () => {
    const { version, go, args } = describeKubeBuild(source);
    expect([version, go]).toEqual(['v1.36.3', '1.26.0']);
    const flags = args[args.indexOf('-ldflags') + 1];
    for (const path of ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']) {
      expect(flags).toContain(`-X ${path}.gitVersion=v1.36.3`);
      expect(flags).toContain(`-X ${path}.gitMajor=1 -X ${path}.gitMinor=36`);
    }
  });

  it.each(Object.keys(SOURCES))('has another key when %s changes', (name) => {
    const before = describeKubeBuild(source).key;
    expect(describeKubeBuild(source).key).toBe(before);
    writeFileSync(join(source, name), `${SOURCES[name]}// changed\n`);
    expect(describeKubeBuild(source).key).not.toBe(before);
  });

  it('reads the module of the tests: every part of Kubernetes is of one version', () => {
    const { version } = describeKubeBuild();
    const goMod = readFileSync(join(import.meta.dirname, '../../test/cluster/kube/go.mod'), 'utf8');
    const replaced = [...goMod.matchAll(/^\t(k8s\.io\/\S+) => \1 v0\.(\S+)$/gm)];
    expect(replaced.length).toBeGreaterThan(25);
    expect(new Set(replaced.map((it) => `v1.${it[2]}`))).toEqual(new Set([version]));
  });
});

describe('bringKube', () => {
  it('builds once, and links every program to it', async () => {
    const binary = await bringKube(options);
    expect(binary).toBe(kubeBinary(options));
    expect(await bringKube(options)).toBe(binary);
    expect(builds()).toBe(1);
    for (const name of KUBE_PROGRAMS)
      expect(readFileSync(join(binary, '..', name), 'utf8')).toBe(readFileSync(binary, 'utf8'));
  });

  it('builds without C, and without flags that a user has set for other modules', async () => {
    const text = readFileSync(await bringKube(options), 'utf8');
    expect(text).toContain('gitVersion=v1.36.3');
    expect(text.trimEnd().endsWith('. 0')).toBe(true);
  });

  it('asks for a Go that is new enough only when there is something to build', async () => {
    const asked: string[] = [];
    const go = (required: string): string => {
      asked.push(required);
      return join(home, 'go');
    };
    await bringKube({ ...options, go });
    await bringKube({ ...options, go });
    expect(asked).toEqual(['1.26.0']);
  });

  it('takes the program that MEDIAJOB_KUBE_BIN names, and builds none', async () => {
    const given = join(home, 'given');
    const env = { ...options.env, MEDIAJOB_KUBE_BIN: given };
    await expect(bringKube({ ...options, env })).rejects.toThrow(/which is not there/);
    writeFileSync(given, '');
    expect(await bringKube({ ...options, env })).toBe(given);
    expect(existsSync(join(home, 'builds'))).toBe(false);
  });

  it('names what would do where it cannot be built', async () => {
    const failure = await bringKube({ ...options, platform: 'darwin' }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SetupError);
    expect((failure as SetupError).mend).toMatch(/KUBEBUILDER_ASSETS/);
  });

  it('leaves nothing behind when the build fails, says why and what mends it, and can be run again', async () => {
    const failure = await bringKube(says('main.go:1:1: syntax error')).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SetupError);
    expect((failure as SetupError).message).toContain('syntax error');
    expect((failure as SetupError).mend).toBe(`cd ${source} && ${join(home, 'go')} mod download`);
    expect(cached()).toEqual([]);
    await bringKube(options);
    expect(builds()).toBe(2);
  });

  it.each([
    ['write /x: no space left on device', /disk is full/],
    ['compile: signal: killed', /want of memory/],
    ['Get "https://proxy/x": dial tcp: lookup proxy on 1.1.1.1:53: no such host', /could not download/],
  ])('knows what %s means', async (text, wanted) => {
    await expect(bringKube(says(text))).rejects.toThrow(wanted);
  });

  it('takes away what a killed build has left, and keeps other versions', async () => {
    const dead = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => dead.once('exit', resolve));
    const names = [`.0123456789abcdef-${dead.pid}-x`, `.0123456789abcdef-${process.pid}-x`, 'fedcba9876543210'];
    for (const name of names) mkdirSync(join(home, 'cache', 'kube', name), { recursive: true });
    const binary = await bringKube(options);
    expect(cached().sort()).toEqual([names[1], names[2], describeKubeBuild(source).key].sort());
    expect(existsSync(binary)).toBe(true);
  });

  it('is content when another set-up was faster', async () => {
    const [one, other] = await Promise.all([bringKube(options), bringKube(options)]);
    expect(one).toBe(other);
    expect(builds()).toBe(2);
    expect(cached()).toEqual([describeKubeBuild(source).key]);
  });
});

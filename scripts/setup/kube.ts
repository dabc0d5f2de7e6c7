import { createHash } from 'node:crypto';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { bringGo } from './go.ts';
import { appearWhole, compileGo } from './go-build.ts';
import { CACHE, ROOT } from './paths.ts';
import { explainSystemError, SetupError, say } from './step.ts';

/** What one program is, by the name it is called by. */
export const KUBE_PROGRAMS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
] as const;

const SOURCES = ['go.mod', 'go.sum', 'main.go'] as const;

export interface KubeOptions {
  env?: NodeJS.ProcessEnv;
  cache?: string;
  /** Directory of go.mod, go.sum and main.go. */
  source?: string;
  platform?: string;
  /** Finds or brings a Go of at least this version. */
  go?: (required: string) => string;
}

/** All that decides what comes out of the build. */
export interface KubeBuild {
  /** Of Kubernetes, as go.mod asks for it: v1.36.3. */
  readonly version: string;
  /** The oldest Go that will do. */
  readonly go: string;
  readonly args: readonly string[];
  /** Changes whenever anything of the above or a source does. */
  readonly key: string;
}

/** The version is stamped by the linker; without, /version says v0.0.0-master and no chart's kubeVersion is met. */
export function describeKubeBuild(source: string = join(ROOT, 'test/cluster/kube')): KubeBuild {
  const texts = SOURCES.map((name) => readFileSync(join(source, name), 'utf8'));
  const goMod = texts[0] as string;
  const version = /^\s*k8s\.io\/kubernetes (v\d+\.\d+\.\d+)/m.exec(goMod)?.[1];
  const go = /^go (\d+\.\d+(?:\.\d+)?)/m.exec(goMod)?.[1];
  if (version === undefined || go === undefined)
    throw new Error(`${join(source, 'go.mod')} names no k8s.io/kubernetes or no Go`);

  const [major, minor] = version.slice(1).split('.');
  const stamps = {
    gitVersion: version,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'archive',
    gitCommit: '0'.repeat(40),
    buildDate: '1970-01-01T00:00:00Z',
  };
  const flags = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) =>
    Object.entries(stamps).map(([name, value]) => `-X ${path}.${name}=${value}`),
  );
  const args = ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-v', '-ldflags', `-s -w ${flags.join(' ')}`];
  const hash = createHash('sha256').update(JSON.stringify([args, process.platform, process.arch]));
  for (const text of texts) hash.update(`${text.length}\n${text}`);
  return { version, go, args, key: hash.digest('hex').slice(0, 16) };
}

/** Where the program is, or will be; links with the names of KUBE_PROGRAMS are beside it. */
export function kubeBinary({ cache = CACHE, source }: KubeOptions = {}): string {
  return join(cache, 'kube', describeKubeBuild(source).key, 'kube');
}

/**
 * Builds etcd and Kubernetes as one program, unless that is done or MEDIAJOB_KUBE_BIN names one. It appears whole or not at all; after a kill the next
 * build goes on with what Go has compiled so far.
 * @returns its path
 * @throws SetupError
 */
export async function bringKube(options: KubeOptions = {}): Promise<string> {
  const { env = process.env, platform = process.platform } = options;
  const given = env.MEDIAJOB_KUBE_BIN;
  if (given) {
    if (existsSync(given)) return given;
    throw new SetupError(`MEDIAJOB_KUBE_BIN is ${given}, which is not there`, 'unset MEDIAJOB_KUBE_BIN');
  }
  if (platform !== 'linux')
    throw new SetupError(
      'the control plane of the tests is built on Linux only: the kubelet is part of it',
      'set KUBEBUILDER_ASSETS to a directory with etcd, kube-apiserver, kube-controller-manager and kubectl',
    );
  const binary = kubeBinary(options);
  if (existsSync(binary)) return binary;
  try {
    await build(options);
  } catch (error) {
    throw explainSystemError(error) ?? error;
  }
  return binary;
}

async function build(options: KubeOptions): Promise<void> {
  const { env = process.env, cache = CACHE, source = join(ROOT, 'test/cluster/kube') } = options;
  const { version, key, args, go: required } = describeKubeBuild(source);

  const go = options.go ? options.go(required) : bringGo(required, { env, cache });
  say(
    `set-up: build Kubernetes ${version} and etcd for the tests (once; several minutes on a few cores, needs 4 GB of disk)`,
  );
  await appearWhole(join(cache, 'kube'), key, async (temporary) => {
    await compileGo(go, [...args, '-o', join(temporary, 'kube'), '.'], { cwd: source, env, what: 'Kubernetes' });
    for (const name of KUBE_PROGRAMS) symlinkSync('kube', join(temporary, name));
  });
}

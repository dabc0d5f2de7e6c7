import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { archivedFile, dockerArchive } from '../../test/cluster/rig/docker-archive.ts';
import { DNS_IMAGE, PAUSE_IMAGE } from '../../test/cluster/rig/rig-settings.ts';
import { bringGo } from './go.ts';
import { appearWhole, compileGo } from './go-build.ts';
import { bringKube } from './kube.ts';
import { CACHE, ROOT } from './paths.ts';
import { explainSystemError, say } from './step.ts';

/** A Go module below test/cluster/, and the commands of it, or of the modules it requires, that are built. */
interface GoModule {
  readonly name: string;
  readonly what: string;
  readonly commands: readonly string[];
}

const ADDONS: GoModule = {
  name: 'addons',
  what: 'CoreDNS, Traefik and metrics-server',
  commands: [
    './coredns',
    './pause',
    'github.com/traefik/traefik/v3/cmd/traefik',
    'sigs.k8s.io/metrics-server/cmd/metrics-server',
  ],
};

const KUEUE: GoModule = { name: 'kueue', what: 'Kueue', commands: ['sigs.k8s.io/kueue/cmd/kueue'] };
export const KUEUE_IMAGE = 'k8s.local/kueue:1';

export interface ClusterPrograms {
  readonly traefik: string;
  readonly metricsServer: string;
  /** docker-archives. */
  readonly pauseImage: string;
  readonly dnsImage: string;
}

export interface KueueFiles {
  /** A docker-archive. */
  readonly image: string;
  /** All of its objects, YAML. */
  readonly manifests: string;
}

/** What a cluster has beside Kubernetes itself, built once and kept in the cache. @throws SetupError */
export async function bringClusterPrograms(): Promise<ClusterPrograms> {
  const directory = await bringModule(ADDONS, async (built) => {
    archive(built, 'pause', PAUSE_IMAGE);
    archive(built, 'coredns', DNS_IMAGE);
  });
  return {
    traefik: join(directory, 'traefik'),
    metricsServer: join(directory, 'metrics-server'),
    pauseImage: join(directory, 'pause.tar'),
    dnsImage: join(directory, 'coredns.tar'),
  };
}

/** Kueue as an image and its manifests, for the tests that queue. @throws SetupError */
export async function bringKueue(): Promise<KueueFiles> {
  const kubectl = join(dirname(await bringKube()), 'kubectl');
  const directory = await bringModule(KUEUE, async (built, module, go) => {
    archive(built, 'kueue', KUEUE_IMAGE, 'manager');
    const source = moduleDirectory(go, module, 'sigs.k8s.io/kueue');
    const text = execFileSync(kubectl, ['kustomize', join(source, 'config/default')], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 ** 2,
    });
    const local = text
      .replaceAll(/image: \S+\/kueue:\S+/g, `image: ${KUEUE_IMAGE}`)
      .replaceAll('imagePullPolicy: Always', 'imagePullPolicy: Never');
    writeFileSync(join(built, 'kueue.yaml'), local);
  });
  return { image: join(directory, 'kueue.tar'), manifests: join(directory, 'kueue.yaml') };
}

/** Makes an image of a program that was built; the program itself goes. */
function archive(built: string, program: string, image: string, as = program): void {
  const files = [archivedFile(as, join(built, program))];
  writeFileSync(join(built, `${program}.tar`), dockerArchive(image, files, { entrypoint: [`/${as}`] }));
  rmSync(join(built, program));
}

type Finish = (built: string, module: string, go: string) => Promise<void>;

/** @returns the directory of what was built */
async function bringModule(module: GoModule, finish: Finish): Promise<string> {
  const source = join(ROOT, 'test/cluster', module.name);
  const args = ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-v', '-ldflags', '-s -w'];
  const key = keyOf(source, [...args, ...module.commands, LEGO, process.platform, process.arch]);
  const parent = join(CACHE, 'cluster-programs');
  const done = join(parent, `${module.name}-${key}`);
  if (existsSync(done)) return done;
  try {
    const required = /^go (\S+)/m.exec(readFileSync(join(source, 'go.mod'), 'utf8'))?.[1] ?? '';
    const go = bringGo(required);
    say(`set-up: build ${module.what} for the test cluster (once; several minutes on a few cores)`);
    await appearWhole(parent, `${module.name}-${key}`, async (built) => {
      const workplace = join(built, 'source');
      cpSync(source, workplace, { recursive: true });
      if (module === ADDONS) withoutDnsProviders(go, workplace);
      const output = ['-o', `${built}/`];
      await compileGo(go, [...args, ...output, ...module.commands], {
        cwd: workplace,
        env: process.env,
        what: module.what,
      });
      await finish(built, workplace, go);
      rmSync(workplace, { recursive: true });
    });
  } catch (error) {
    throw explainSystemError(error) ?? error;
  }
  return done;
}

/** As Traefik's own go.mod asks for it. */
const LEGO = 'github.com/go-acme/lego/v5@v5.4.1';

/**
 * Traefik imports lego's list of all DNS providers, which is some hundred modules to download and to compile, for ACME.
 * go.mod replaces lego by ./lego: the very module, with a list of none.
 */
function withoutDnsProviders(go: string, workplace: string): void {
  const downloaded = execFileSync(go, ['mod', 'download', '-json', LEGO], {
    cwd: dirname(workplace),
    encoding: 'utf8',
    env: { ...process.env, GOFLAGS: '-modcacherw', GOWORK: 'off' },
  });
  const { Dir } = JSON.parse(downloaded) as { Dir: string };
  const lego = join(workplace, 'lego');
  cpSync(Dir, lego, { recursive: true, filter: (path) => !/\/(providers\/dns|docs|e2e)$/.test(path) });
  makeWritable(lego);
  mkdirSync(join(lego, 'providers/dns'));
  cpSync(join(workplace, 'no-dns-providers.go.txt'), join(lego, 'providers/dns/dns.go'));
}

/** Go keeps its downloads read-only. */
function makeWritable(directory: string): void {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) makeWritable(join(directory, entry.name));
}

function moduleDirectory(go: string, module: string, name: string): string {
  return execFileSync(go, ['list', '-m', '-f', '{{.Dir}}', name], {
    cwd: module,
    encoding: 'utf8',
    env: { ...process.env, GOFLAGS: '', GOWORK: 'off' },
  }).trim();
}

function keyOf(source: string, rest: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(rest));
  const names = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((it) => it.isFile())
    .map((it) => join(it.parentPath, it.name))
    .sort();
  for (const name of names) {
    const text = readFileSync(name);
    hash.update(`${name.slice(source.length)} ${text.length}\n`).update(text);
  }
  return hash.digest('hex').slice(0, 16);
}

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StepOutcome } from '@mediajob/contract';
import { cacheDir, enginePath } from '@mediajob/speech';
import { onTestFinished } from 'vitest';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const MODELS_DIR = process.env.MEDIAJOB_MODELS_DIR || join(cacheDir(), 'models');
/** The only one that pods here use. */
const MODEL_FILES = ['base.bin', 'base.json'];
/** Of every container of ours. */
const UID = 10001;

/** Why pods cannot be run here, and what would let them; undefined where they can. Fails in CI, where they must. */
export function whyNoPods(): string | undefined {
  const why = mountsAreRefused() ?? speechIsMissing();
  if (why !== undefined && process.env.CI === 'true') throw new Error(why);
  return why;
}

function mountsAreRefused(): string | undefined {
  const tried = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { encoding: 'utf8' });
  if (tried.status === 0) return undefined;
  return `File systems cannot be mounted here (${tried.stderr?.trim() || tried.error?.message}). Run it as root, in a container with CAP_SYS_ADMIN: sudo npm run test:medium`;
}

function speechIsMissing(): string | undefined {
  const needed = [enginePath(), ...MODEL_FILES.map((name) => join(MODELS_DIR, name))];
  const missing = needed.find((path) => !existsSync(path));
  return missing === undefined ? undefined : `${missing} is missing. Bring it by: npm run setup`;
}

/** A media volume: a file system of its own, of `size`, that belongs to `owner`. */
export async function aMediaVolume({ size = '64m', owner = UID } = {}): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'mediajob-volume-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=755`, 'tmpfs', root]);
  if (mounted.status !== 0) throw new Error(`mount: ${mounted.stderr}`);
  onTestFinished(async () => {
    spawnSync('umount', [root]);
    await rm(root, { recursive: true });
  });
  await chown(root, owner, owner);
  return root;
}

/** What is installed on this machine may belong to its user alone; in a cluster it is readable. */
export async function aModelsVolume(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'mediajob-models-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const name of MODEL_FILES) {
    await copyFile(join(MODELS_DIR, name), join(directory, name));
    await chmod(join(directory, name), 0o644);
  }
  await chmod(directory, 0o755);
  return directory;
}

export interface Container {
  image: 'converter' | 'transcriber';
  entry: 'prepare' | 'job';
  args?: string[];
  env?: Record<string, string>;
  volume: string;
  models?: string;
  /** What of the volume is mounted, at the same place below /data: `''` is all of it. */
  subPaths: { path: string; readOnly?: boolean }[];
}

type Mount = [from: string, to: string, options: 'ro' | 'rw'];

export interface Ended {
  code: number | null;
  outcome: StepOutcome | undefined;
  log: string;
}

/**
 * Runs a container as the operator describes it, without one: the compiled entry as uid 10001 without any capability, in a
 * mount namespace where the machine is read-only, and so is the data directory but for what is mounted below it. The data
 * directory itself lies on a file system of 64 KiB: whoever asks that one for room finds none.
 */
export async function runContainer({
  image,
  entry,
  args = [],
  env = {},
  volume,
  models,
  subPaths,
}: Container): Promise<Ended> {
  const pod = await mkdtemp(join(tmpdir(), 'mediajob-pod-'));
  const message = await mkdtemp(join(tmpdir(), 'mediajob-message-'));
  // As the kubelet makes it.
  await writeFile(join(message, 'termination-log'), '');
  await chmod(join(message, 'termination-log'), 0o666);
  const mounts: Mount[] = [
    [REPOSITORY, 'app', 'ro'],
    [dirname(dirname(process.execPath)), 'node', 'ro'],
    ...(models === undefined ? [] : [[models, 'models', 'ro'] satisfies Mount]),
    [dirname(enginePath()), 'engine', 'ro'],
    [join(message, 'termination-log'), 'termination-log', 'rw'],
    ...subPaths.map(({ path, readOnly }): Mount => [join(volume, path), join('data', path), readOnly ? 'ro' : 'rw']),
  ];
  const environment = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    TMPDIR: `${pod}/tmp`,
    MEDIAJOB_DATA_DIR: `${pod}/data`,
    MEDIAJOB_MODELS_DIR: `${pod}/models`,
    MEDIAJOB_ENGINE: `${pod}/engine/mediajob-engine`,
    MEDIAJOB_TERMINATION_LOG: `${pod}/termination-log`,
    MEDIAJOB_RESERVE_BYTES: '1MB',
    ...env,
  };
  const program = [`${pod}/node/bin/node`, `${pod}/app/services/${image}/dist/${entry}.js`, ...args];
  let ended: SpawnSyncReturns<string>;
  try {
    ended = spawnSync('unshare', ['--mount', 'sh', '-euc', SCRIPT, 'sh', pod, ...program], {
      env: { ...environment, MOUNTS: mounts.map((it) => it.join('\t')).join('\n') },
      encoding: 'utf8',
    });
    const text = await readFile(join(message, 'termination-log'), 'utf8');
    const outcome = text === '' ? undefined : StepOutcome.parse(JSON.parse(text));
    return { code: ended.status, outcome, log: ended.stderr };
  } finally {
    await rm(pod, { recursive: true });
    await rm(message, { recursive: true });
  }
}

/** $1 is the pod's directory, $MOUNTS its mounts, the rest what it runs. */
const SCRIPT = `
pod=$1; shift
mount -t tmpfs -o size=64k,mode=755 tmpfs "$pod"
mkdir "$pod/data" "$pod/tmp"
mount -t tmpfs -o size=16m,mode=1777 tmpfs "$pod/tmp"
tab=$(printf '\\t')
printf '%s\\n' "$MOUNTS" | while IFS="$tab" read -r from to options; do
  if [ -d "$from" ]; then mkdir -p "$pod/$to"; else mkdir -p "$(dirname "$pod/$to")"; touch "$pod/$to"; fi
  mount --bind "$from" "$pod/$to"
  if [ "$options" = ro ]; then mount -o remount,bind,ro "$pod/$to"; fi
done
unset MOUNTS
mount -o remount,bind,ro "$pod"
mount -o remount,bind,ro /
cd /
exec setpriv --reuid ${UID} --regid ${UID} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"
`;

/** Puts a file on a volume as somebody would who prepared it for us. */
export async function aSource(volume: string, path: string, from: string, mode = 0o640): Promise<void> {
  await mkdir(dirname(join(volume, path)), { recursive: true });
  await writeFile(join(volume, path), await readFile(from));
  for (let at = path; at !== '.'; at = dirname(at)) await chown(join(volume, at), UID, UID);
  await chmod(join(volume, path), mode);
}

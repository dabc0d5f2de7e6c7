import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { startOf } from '../process-start.ts';
import { run } from '../run.ts';
import { until } from '../until.ts';
import { type Daemons, end } from './daemons.ts';
import { PAUSE_IMAGE, type RigPaths, type RigSettings } from './rig-settings.ts';

/** Where Debian's package puts the plugins. */
export const CNI_PLUGINS = '/usr/lib/cni';

/** Starts containerd with everything of its own below the home; resolves when it answers. */
export async function startContainerRuntime(daemons: Daemons, settings: RigSettings, paths: RigPaths): Promise<void> {
  const { bridge, podCidr } = settings;
  const cniConf = join(paths.conf, 'cni');
  for (const directory of [paths.containerd, cniConf]) mkdirSync(directory, { recursive: true });
  const quoted = JSON.stringify;
  const config = join(paths.conf, 'containerd.toml');
  writeFileSync(
    config,
    `version = 2
root = ${quoted(paths.images)}
state = ${quoted(paths.containerdState)}
oom_score = 0
# The first would write to /opt/containerd; the others look for file systems that are not needed.
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = ${quoted(paths.containerdSocket)}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${quoted(PAUSE_IMAGE)}
  # Sandboxes ask for -998, which takes CAP_SYS_RESOURCE: without that no pod would start.
  restrict_oom_score_adj = true
  disable_apparmor = true
  # So that they are found, and unmounted, by their path.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${quoted(CNI_PLUGINS)}
    conf_dir = ${quoted(cniConf)}
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`,
  );
  const network = {
    cniVersion: '1.0.0',
    name: 'mediajob',
    plugins: [
      {
        type: 'bridge',
        bridge,
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: paths.cni,
          ranges: [[{ subnet: podCidr }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  writeFileSync(join(cniConf, '10-bridge.conflist'), JSON.stringify(network));
  daemons.start('containerd', 'containerd', ['--config', config]);
  await until(
    'containerd answers',
    () => {
      daemons.mustRun('containerd');
      return ctr(paths, ['version']).then(
        () => true,
        () => false,
      );
    },
    { explain: () => daemons.log('containerd') },
  );
}

/** Of the namespace that the kubelet uses. @returns what it printed */
export function ctr(paths: RigPaths, args: readonly string[]): Promise<string> {
  return run('ctr', ['--address', paths.containerdSocket, '--namespace', 'k8s.io', ...args], { cwd: '/' });
}

/** Imports the images of a docker-archive, unless this very file has been imported into this store before. */
export async function importImage(paths: RigPaths, archive: string): Promise<void> {
  const { size, mtimeMs } = statSync(archive);
  const stamp = `${archive} ${size} ${mtimeMs}`;
  const stampFile = join(paths.containerd, 'imported', basename(archive));
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  await ctr(paths, ['images', 'import', archive]);
  mkdirSync(join(paths.containerd, 'imported'), { recursive: true });
  writeFileSync(stampFile, stamp);
}

/**
 * Ends every container of ours, also when containerd itself is gone: its shims go on without it. The kubelet must have
 * been stopped before, or it would start them anew. The image store stays whole.
 */
export async function stopContainerRuntime(daemons: Daemons, paths: RigPaths): Promise<void> {
  const shims = shimsOf(paths.containerdSocket);
  for (const child of childrenOf(shims)) await end(child, 'SIGKILL').catch(() => {}); // the first process of a container takes the others along
  if (daemons.pid('containerd') !== undefined) {
    const lines = async (args: string[]): Promise<string[]> =>
      (await ctr(paths, args).catch(() => '')).split('\n').filter(Boolean);
    const tasks = await lines(['task', 'ls', '-q']);
    if (tasks.length > 0) await ctr(paths, ['task', 'rm', '-f', ...tasks]).catch(() => {});
    const containers = await lines(['container', 'ls', '-q']);
    if (containers.length > 0) await ctr(paths, ['container', 'rm', ...containers]).catch(() => {});
  }
  await daemons.stop('containerd');
  for (const shim of shimsOf(paths.containerdSocket)) await end(shim, 'SIGKILL');
  rmSync(join(paths.images, 'io.containerd.grpc.v1.cri'), { recursive: true, force: true });
}

function processes(): number[] {
  return readdirSync('/proc')
    .filter((it) => /^\d+$/.test(it))
    .map(Number);
}

/** containerd-shim processes of our containerd, known by its socket on their command line. */
function shimsOf(socket: string): number[] {
  return processes().filter((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return basename(words[0] ?? '').startsWith('containerd-shim') && words.includes(socket) && startOf(pid) > 0;
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

function childrenOf(parents: readonly number[]): number[] {
  return processes().filter((pid) => {
    try {
      const parent = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop()?.split(' ')[1]);
      return parents.includes(parent);
    } catch {
      return false;
    }
  });
}

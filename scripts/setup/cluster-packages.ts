import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { CNI_PLUGINS } from '../../test/cluster/rig/container-runtime.ts';
import { SetupError, say } from './step.ts';
import { findProgram } from './system-packages.ts';

/** What a node is made of, by Debian's names. */
const PACKAGES: readonly { readonly name: string; readonly isThere: () => boolean }[] = [
  { name: 'containerd', isThere: () => has('containerd') && has('ctr') },
  { name: 'runc', isThere: () => has('runc') },
  { name: 'containernetworking-plugins', isThere: () => existsSync(`${CNI_PLUGINS}/bridge`) },
  { name: 'nftables', isThere: () => has('nft') },
  { name: 'iptables', isThere: () => has('iptables') },
  { name: 'iproute2', isThere: () => has('ip') },
];

const has = (program: string): boolean => findProgram(program) !== undefined;

/**
 * Sees to it that this machine can be a node. @throws SetupError with the command that would let it; a cluster that is
 * there already will do everywhere.
 */
export function ensureNodePackages(): void {
  const elsewhere = 'or use a cluster that is there: KUBECONFIG=… MEDIAJOB_CLUSTER=existing npm run test:cluster';
  if (process.platform !== 'linux') throw new SetupError('a node of Kubernetes is a Linux machine', elsewhere);
  if (process.getuid?.() !== 0)
    throw new SetupError('a node of Kubernetes needs root', `run it as root (sudo npm run cluster:up), ${elsewhere}`);
  const missing = PACKAGES.filter((it) => !it.isThere()).map((it) => it.name);
  if (missing.length === 0) return;
  const command = ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing];
  const mend = `${command.join(' ')}, ${elsewhere}`;
  if (!has('apt-get')) throw new SetupError(`${missing.join(', ')} not found, and this is no Debian`, mend);

  say(`set-up: ${missing.join(', ')} by apt (for the test cluster)`);
  const run = ([program = '', ...args]: readonly string[]): boolean =>
    spawnSync(program, args, {
      stdio: ['ignore', 'ignore', 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }).status === 0;
  run(['apt-get', 'update', '-qq']);
  if (!run(command)) throw new SetupError(`apt could not install ${missing.join(', ')}`, mend);
  const still = PACKAGES.filter((it) => !it.isThere()).map((it) => it.name);
  if (still.length > 0) throw new SetupError(`${still.join(', ')} still not found after ${command.join(' ')}`, mend);
}

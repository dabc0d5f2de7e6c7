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

const ELSEWHERE = 'or use a cluster that is there: KUBECONFIG=… MEDIAJOB_CLUSTER=existing npm run test:cluster';
const INSTALL = ['apt-get', 'install', '-y', '-qq', '--no-install-recommends'];

const missingPackages = (): string[] => PACKAGES.filter((it) => !it.isThere()).map((it) => it.name);

/** Whether this machine may be a node; changes nothing. @throws SetupError that says why not, and what would do */
export function mayBeANode(): void {
  if (process.platform !== 'linux') throw new SetupError('a node of Kubernetes is a Linux machine', ELSEWHERE);
  if (process.getuid?.() !== 0)
    throw new SetupError('a node of Kubernetes needs root', `run it as root, as in sudo npm test, ${ELSEWHERE}`);
  if (spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', 'true'], { stdio: 'ignore' }).status !== 0)
    throw new SetupError(
      'root may not mount or make networks here, as in a container that is not privileged',
      `run it on a machine of its own, ${ELSEWHERE}`,
    );
  const missing = missingPackages();
  if (missing.length > 0 && !has('apt-get'))
    throw new SetupError(
      `${missing.join(', ')} not found, and this is no Debian`,
      `install ${missing.join(', ')}, ${ELSEWHERE}`,
    );
}

/**
 * Sees to it that this machine can be a node. @throws SetupError with the command that would let it; a cluster that is
 * there already will do everywhere.
 */
export function ensureNodePackages(): void {
  mayBeANode();
  const missing = missingPackages();
  if (missing.length === 0) return;
  const command = [...INSTALL, ...missing];
  const mend = `${command.join(' ')}, ${ELSEWHERE}`;
  say(`set-up: ${missing.join(', ')} by apt (for the test cluster)`);
  const run = ([program = '', ...args]: readonly string[]): boolean =>
    spawnSync(program, args, {
      stdio: ['ignore', 'ignore', 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }).status === 0;
  run(['apt-get', 'update', '-qq']);
  if (!run(command)) throw new SetupError(`apt could not install ${missing.join(', ')}`, mend);
  const still = missingPackages();
  if (still.length > 0) throw new SetupError(`${still.join(', ')} still not found after ${command.join(' ')}`, mend);
}

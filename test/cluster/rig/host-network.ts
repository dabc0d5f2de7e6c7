import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../run.ts';
import type { RigPaths, RigSettings } from './rig-settings.ts';

/** What a node needs of the kernel. Bridged packets pass the IP rules as well: kube-proxy's and the policies'. */
const NEEDED: Record<string, string> = {
  'net.ipv4.ip_forward': '1',
  'net.bridge.bridge-nf-call-iptables': '1',
};

/** Set by the kubelet and by kube-proxy by themselves. */
const TOUCHED = [
  'vm.overcommit_memory',
  'kernel.panic',
  'kernel.panic_on_oops',
  'kernel.keys.root_maxkeys',
  'kernel.keys.root_maxbytes',
  'net.netfilter.nf_conntrack_max',
  'net.netfilter.nf_conntrack_tcp_timeout_established',
  'net.netfilter.nf_conntrack_tcp_timeout_close_wait',
];

const CWD = '/';
const fileOf = (name: string): string => join('/proc/sys', name.replaceAll('.', '/'));

/** Remembers the kernel's settings, then makes the bridge. Again: no change. */
export async function raiseHostNetwork(settings: RigSettings, paths: RigPaths): Promise<void> {
  if (!existsSync(paths.sysctls)) {
    const names = [...Object.keys(NEEDED), ...TOUCHED].filter((it) => existsSync(fileOf(it)));
    const values = names.map((name) => [name, readFileSync(fileOf(name), 'utf8').trim()]);
    writeFileSync(paths.sysctls, JSON.stringify(Object.fromEntries(values)));
  }
  const { bridge, nodeIp, podCidr } = settings;
  if (!(await linkExists(bridge))) await run('ip', ['link', 'add', bridge, 'type', 'bridge'], { cwd: CWD });
  const addresses = await run('ip', ['-o', 'addr', 'show', 'dev', bridge], { cwd: CWD });
  if (!addresses.includes(`inet ${nodeIp}/`))
    await run('ip', ['addr', 'add', `${nodeIp}/${podCidr.split('/')[1]}`, 'dev', bridge], { cwd: CWD });
  await run('ip', ['link', 'set', bridge, 'up'], { cwd: CWD });
  for (const [name, value] of Object.entries(NEEDED)) writeFileSync(fileOf(name), value);
}

/** Takes back what {@link raiseHostNetwork}, kube-proxy, the CNI plugins and the policies have put into the kernel. */
export async function lowerHostNetwork(settings: RigSettings, paths: RigPaths): Promise<void> {
  for (const table of [
    ['ip', 'kube-proxy'],
    ['ip6', 'kube-proxy'],
    ['ip', 'mediajob-policies'],
  ] as const)
    await run('nft', ['delete', 'table', ...table], { cwd: CWD }).catch(() => {}); // it is not there
  await removeCniRules();
  if (await linkExists(settings.bridge)) await run('ip', ['link', 'delete', settings.bridge], { cwd: CWD });
  if (!existsSync(paths.sysctls)) return;
  const saved = JSON.parse(readFileSync(paths.sysctls, 'utf8')) as Record<string, string>;
  for (const [name, value] of Object.entries(saved)) writeFileSync(fileOf(name), value);
  rmSync(paths.sysctls);
}

/** Masquerading and port mapping of the CNI plugins: chains CNI-…, and rules that jump to them. */
async function removeCniRules(): Promise<void> {
  const before = await run('iptables-save', ['-t', 'nat'], { cwd: CWD }).catch(() => '');
  const lines = before.split('\n');
  const ours = (line: string): boolean => /-j CNI-|^:CNI-|^-A CNI-/.test(line);
  if (!lines.some(ours)) return;
  const wasEmpty = !lines.some((line) => line.startsWith('-A ') && !ours(line));
  // Rules are written back as they were read, without ours: one transaction.
  await run('iptables-restore', ['-T', 'nat'], { cwd: CWD, input: lines.filter((it) => !ours(it)).join('\n') });
  if (wasEmpty) await run('nft', ['delete', 'table', 'ip', 'nat'], { cwd: CWD }).catch(() => {}); // iptables of the old kind
}

async function linkExists(name: string): Promise<boolean> {
  return existsSync(join('/sys/class/net', name));
}

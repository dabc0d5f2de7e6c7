import {
  type PodObject,
  type PolicyObject,
  type PolicyPeer,
  type PolicyPort,
  type PolicyWorld,
  selects,
} from './policy-objects.ts';

export const POLICY_TABLE = 'mediajob-policies';

type Direction = 'ingress' | 'egress';

/** Some addresses, and in `except` those among them that are not meant; `any`: all there are. */
type Addresses = { readonly list: readonly string[]; readonly except: readonly string[] } | 'any';

/**
 * The NetworkPolicies of a cluster of one node as rules of nftables (IPv4), in the meaning of the Kubernetes API: a pod
 * that a policy selects for a direction is isolated in it, and what any policy allows is allowed; both ends have to
 * allow it; answers always pass; the node itself reaches its pods always.
 *
 * The packets of pods on one bridge pass these hooks while net.bridge.bridge-nf-call-iptables is on; a Service's address
 * has been replaced by a pod's before. What is not allowed is refused rather than dropped, so that nobody waits.
 * @returns a whole transaction for `nft -f`, which replaces the one before
 */
export function nftRules(world: PolicyWorld): string {
  const running = world.pods.filter(isRunning);
  const isolated = { ingress: new Set<string>(), egress: new Set<string>() };
  const allowed = { ingress: [] as string[], egress: [] as string[] };
  for (const policy of world.policies) {
    const pods = running.filter(
      (it) =>
        it.metadata.namespace === policy.metadata.namespace && selects(policy.spec.podSelector, it.metadata.labels),
    );
    if (pods.length === 0) continue;
    for (const direction of directionsOf(policy)) {
      for (const pod of pods) isolated[direction].add(ipOf(pod));
      allowed[direction].push(...rulesOf(policy, direction, pods, { ...world, pods: running }));
    }
  }
  const lines = [
    `table ip ${POLICY_TABLE} {}`,
    `delete table ip ${POLICY_TABLE}`,
    `table ip ${POLICY_TABLE} {`,
    ...(['egress', 'ingress'] as const).flatMap((direction) => [
      `  chain ${direction} {`,
      ...[...new Set(allowed[direction])].map((rule) => `    ${rule} return`),
      '    reject with icmp type admin-prohibited',
      '  }',
    ]),
    ...hook('forward', [...jump('egress', isolated.egress), ...jump('ingress', isolated.ingress)]),
    // To the node itself: its API server and its DNS.
    ...hook('input', jump('egress', isolated.egress)),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

function hook(name: 'forward' | 'input', rules: readonly string[]): string[] {
  return [
    `  chain ${name} {`,
    `    type filter hook ${name} priority filter; policy accept;`,
    '    ct state established,related accept',
    ...rules.map((it) => `    ${it}`),
    '  }',
  ];
}

function jump(direction: Direction, addresses: ReadonlySet<string>): string[] {
  if (addresses.size === 0) return [];
  return [`ip ${direction === 'egress' ? 'saddr' : 'daddr'} ${set([...addresses])} jump ${direction}`];
}

function directionsOf({ spec }: PolicyObject): Direction[] {
  const types = spec.policyTypes ?? ['Ingress', ...(spec.egress ? (['Egress'] as const) : [])];
  return types.map((it) => (it === 'Ingress' ? 'ingress' : 'egress'));
}

function rulesOf(policy: PolicyObject, direction: Direction, pods: readonly PodObject[], world: PolicyWorld): string[] {
  const { ingress = [], egress = [] } = policy.spec;
  const own = `ip ${direction === 'ingress' ? 'daddr' : 'saddr'} ${set(pods.map(ipOf))}`;
  const entries =
    direction === 'ingress'
      ? ingress.map(({ from, ports }) => ({ peers: from, ports }))
      : egress.map(({ to, ports }) => ({ peers: to, ports }));
  const side = direction === 'ingress' ? 'saddr' : 'daddr';
  return entries.flatMap(({ peers = [], ports = [] }) => {
    const matches = (peers.length === 0 ? [undefined] : peers).map((peer) => {
      const podsMeant = peer === undefined || peer.ipBlock ? undefined : peerPods(peer, policy, world);
      return { addresses: addressesOf(peer, podsMeant), served: direction === 'ingress' ? pods : (podsMeant ?? []) };
    });
    return matches.flatMap(({ addresses, served }) => {
      const peer = addresses === 'any' ? '' : addressRule(side, addresses);
      if (peer === undefined) return [];
      const portRules = ports.length === 0 ? [''] : ports.flatMap((port) => portRule(port, served));
      return portRules.map((port) => [own, peer, port].filter(Boolean).join(' '));
    });
  });
}

function peerPods(peer: PolicyPeer, policy: PolicyObject, world: PolicyWorld): PodObject[] {
  const namespaces = peer.namespaceSelector
    ? world.namespaces.filter((it) => selects(peer.namespaceSelector ?? {}, it.metadata.labels))
    : world.namespaces.filter((it) => it.metadata.name === policy.metadata.namespace);
  const names = new Set(namespaces.map((it) => it.metadata.name));
  return world.pods.filter(
    ({ metadata }) => names.has(metadata.namespace ?? '') && selects(peer.podSelector ?? {}, metadata.labels),
  );
}

function addressesOf(peer: PolicyPeer | undefined, pods: readonly PodObject[] = []): Addresses {
  if (peer === undefined) return 'any';
  if (peer.ipBlock) return { list: [peer.ipBlock.cidr], except: peer.ipBlock.except ?? [] };
  return { list: pods.map(ipOf), except: [] };
}

/** Undefined when nobody is meant, or only IPv6 addresses, which this cluster has not. */
function addressRule(side: 'saddr' | 'daddr', { list, except }: Exclude<Addresses, 'any'>): string | undefined {
  const [four, exceptFour] = [list, except].map((it) => it.filter((address) => !address.includes(':')));
  if (four === undefined || four.length === 0) return undefined;
  const meant = `ip ${side} ${set(four)}`;
  return exceptFour && exceptFour.length > 0 ? `${meant} ip ${side} != ${set(exceptFour)}` : meant;
}

function portRule({ protocol = 'TCP', port, endPort }: PolicyPort, served: readonly PodObject[]): string[] {
  const name = protocol.toLowerCase();
  if (port === undefined) return [`meta l4proto ${name}`];
  if (typeof port === 'number') return [`${name} dport ${endPort === undefined ? port : `${port}-${endPort}`}`];
  const numbers = new Set(
    served
      .flatMap(({ spec }) => [...spec.containers, ...(spec.initContainers ?? [])])
      .flatMap((it) => it.ports ?? [])
      .filter((it) => it.name === port && (it.protocol ?? 'TCP') === protocol)
      .map((it) => it.containerPort),
  );
  return numbers.size === 0 ? [] : [`${name} dport ${set([...numbers].map(String))}`];
}

/** Pods on the node's own network are the node: no policy reaches them. An address may belong to a later pod already. */
function isRunning({ spec, status }: PodObject): boolean {
  return spec.hostNetwork !== true && Boolean(status?.podIP) && !['Succeeded', 'Failed'].includes(status?.phase ?? '');
}

const ipOf = (pod: PodObject): string => pod.status?.podIP ?? '';
const set = (items: readonly string[]): string => `{ ${[...new Set(items)].sort().join(', ')} }`;

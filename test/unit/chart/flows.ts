import type { KubeObject } from './renderings.ts';

/** A pod, or an address outside of the cluster. */
export type End =
  | { readonly namespace: string; readonly labels: Readonly<Record<string, string>> }
  | { readonly address: string };

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly { key: string; operator: string; values?: readonly string[] }[];
}

interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { cidr: string };
}

interface FlowRule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { port: number; protocol: string }[];
}

interface Policy extends KubeObject {
  readonly spec: {
    podSelector: Selector;
    policyTypes: readonly string[];
    ingress?: readonly FlowRule[];
    egress?: readonly FlowRule[];
  };
}

/**
 * Whether these objects let a connection begin, by the rules of networking.k8s.io/v1: a pod that no policy of a direction
 * selects takes all; one that some select takes what any of them allows. Both ends have to.
 */
export function allows(objects: readonly KubeObject[], from: End, to: End, port: number, protocol = 'TCP'): boolean {
  const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy') as Policy[];
  return (
    passes(policies, 'Egress', from, to, { port, protocol }) &&
    passes(policies, 'Ingress', to, from, { port, protocol })
  );
}

function passes(
  policies: readonly Policy[],
  direction: 'Ingress' | 'Egress',
  end: End,
  other: End,
  at: { port: number; protocol: string },
): boolean {
  if ('address' in end) return true;
  const selecting = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === end.namespace &&
      spec.policyTypes.includes(direction) &&
      matches(spec.podSelector, end.labels),
  );
  if (selecting.length === 0) return true;
  return selecting.some(({ metadata, spec }) => {
    const rules = (direction === 'Ingress' ? spec.ingress : spec.egress) ?? [];
    return rules.some((rule) => {
      const peers = direction === 'Ingress' ? rule.from : rule.to;
      const portFits = rule.ports?.some((it) => it.port === at.port && it.protocol === at.protocol) ?? true;
      const peerFits = peers?.some((it) => isPeer(it, other, metadata.namespace ?? '')) ?? true;
      return portFits && peerFits;
    });
  });
}

function isPeer({ podSelector, namespaceSelector, ipBlock }: Peer, end: End, own: string): boolean {
  if (ipBlock !== undefined) return 'address' in end && inBlock(end.address, ipBlock.cidr);
  if ('address' in end) return false;
  const namespaceFits =
    namespaceSelector === undefined
      ? end.namespace === own
      : matches(namespaceSelector, { 'kubernetes.io/metadata.name': end.namespace });
  return namespaceFits && matches(podSelector ?? {}, end.labels);
}

function matches(
  { matchLabels = {}, matchExpressions = [] }: Selector,
  labels: Readonly<Record<string, string>>,
): boolean {
  return (
    Object.entries(matchLabels).every(([name, value]) => labels[name] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      if (operator !== 'In') throw new Error(`the operator ${operator} is not known here`);
      return values.includes(labels[key] ?? '');
    })
  );
}

/** IPv4. */
function inBlock(address: string, cidr: string): boolean {
  const [base = '', bits = '32'] = cidr.split('/');
  const number = (text: string): number => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(bits));
  return Math.floor(number(address) / size) === Math.floor(number(base) / size);
}

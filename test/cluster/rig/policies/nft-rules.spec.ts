import { describe, expect, it } from 'vitest';
import { nftRules } from './nft-rules.ts';
import type { LabelSelector, PodObject, PolicyObject, PolicyWorld } from './policy-objects.ts';

const namespaces: PolicyWorld['namespaces'] = [
  { metadata: { name: 'media', labels: { 'kubernetes.io/metadata.name': 'media' } } },
  { metadata: { name: 'other', labels: { 'kubernetes.io/metadata.name': 'other', team: 'x' } } },
];

function aPod(
  app: string,
  podIP: string,
  more: { namespace?: string; phase?: string; hostNetwork?: boolean } = {},
): PodObject {
  const { namespace = 'media', phase = 'Running', hostNetwork = false } = more;
  return {
    metadata: { name: app, namespace, labels: { app } },
    spec: { hostNetwork, containers: [{ ports: [{ name: 'http', containerPort: app === 'main' ? 8000 : 8002 }] }] },
    status: { phase, podIP },
  };
}

const main = aPod('main', '10.0.0.2');
const converter = aPod('converter', '10.0.0.3');
const stranger = aPod('stranger', '10.0.0.9', { namespace: 'other' });
const app = (name: string): LabelSelector => ({ matchLabels: { app: name } });

function aPolicy(spec: PolicyObject['spec']): PolicyObject {
  return { metadata: { name: 'p', namespace: 'media' }, spec };
}

function rules(policies: PolicyObject[], pods: PodObject[] = [main, converter, stranger]): string[] {
  const world: PolicyWorld = { policies, pods, namespaces };
  return nftRules(world)
    .split('\n')
    .map((it) => it.trim());
}

/** Lines that let something pass. */
const allowed = (policies: PolicyObject[], pods?: PodObject[]): string[] =>
  rules(policies, pods).filter((it) => it.endsWith(' return'));
/** Lines that say who is isolated. */
const isolated = (policies: PolicyObject[], pods?: PodObject[]): string[] =>
  rules(policies, pods).filter((it) => it.includes(' jump '));

describe('nftRules', () => {
  it('replaces what was there in one transaction, and isolates nobody without a policy', () => {
    const lines = rules([]);
    expect(lines.slice(0, 2)).toEqual(['table ip mediajob-policies {}', 'delete table ip mediajob-policies']);
    expect(isolated([])).toEqual([]);
  });

  it('isolates all pods of its namespace by an empty selector, and none of another', () => {
    const deny = aPolicy({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    expect(isolated([deny])).toEqual([
      'ip saddr { 10.0.0.2, 10.0.0.3 } jump egress',
      'ip daddr { 10.0.0.2, 10.0.0.3 } jump ingress',
      'ip saddr { 10.0.0.2, 10.0.0.3 } jump egress',
    ]);
    expect(allowed([deny])).toEqual([]);
  });

  it('guards what goes to the node itself as well, and lets the node reach its pods', () => {
    const lines = rules([aPolicy({ podSelector: {}, policyTypes: ['Egress'] })]);
    expect(lines).toContain('type filter hook input priority filter; policy accept;');
    expect(lines.join('\n')).not.toContain('hook output');
  });

  it('takes Ingress for granted without policyTypes, and Egress only when there are rules for it', () => {
    const only = aPolicy({ podSelector: app('main') });
    expect(isolated([only])).toEqual(['ip daddr { 10.0.0.2 } jump ingress']);
    const both = aPolicy({ podSelector: app('main'), egress: [{}] });
    expect(isolated([both])).toHaveLength(3);
    expect(allowed([both])).toEqual(['ip saddr { 10.0.0.2 } return']);
  });

  it('lets pods of the same namespace in by their labels, at one port', () => {
    const policy = aPolicy({
      podSelector: app('converter'),
      ingress: [{ from: [{ podSelector: app('main') }], ports: [{ port: 8002 }] }],
    });
    expect(allowed([policy])).toEqual(['ip daddr { 10.0.0.3 } ip saddr { 10.0.0.2 } tcp dport 8002 return']);
  });

  it('means pods of a namespace that both selectors select', () => {
    const from = [{ namespaceSelector: { matchLabels: { team: 'x' } }, podSelector: app('stranger') }];
    const policy = aPolicy({ podSelector: app('main'), ingress: [{ from }] });
    expect(allowed([policy])).toEqual(['ip daddr { 10.0.0.2 } ip saddr { 10.0.0.9 } return']);
    const nobody = [{ namespaceSelector: { matchLabels: { team: 'x' } }, podSelector: app('main') }];
    expect(allowed([aPolicy({ podSelector: app('main'), ingress: [{ from: nobody }] })])).toEqual([]);
  });

  it('lets nobody in by a rule whose peers are not there, and anybody by a rule without peers', () => {
    const peers = (from: { podSelector: LabelSelector }[]): PolicyObject =>
      aPolicy({ podSelector: app('main'), ingress: [{ from }] });
    expect(allowed([peers([{ podSelector: app('nobody') }])])).toEqual([]);
    expect(allowed([peers([])])).toEqual(['ip daddr { 10.0.0.2 } return']);
  });

  it.each<[string, LabelSelector, boolean]>([
    ['In', { matchExpressions: [{ key: 'app', operator: 'In', values: ['main', 'x'] }] }, true],
    ['NotIn', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['main'] }] }, false],
    [
      'NotIn of a label that is not there',
      { matchExpressions: [{ key: 'y', operator: 'NotIn', values: ['main'] }] },
      true,
    ],
    ['Exists', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }, true],
    ['DoesNotExist', { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, false],
  ])('selects by %s', (_, podSelector, wanted) => {
    expect(isolated([aPolicy({ podSelector })], [main])).toHaveLength(wanted ? 1 : 0);
  });

  it('lets out to a network without parts of it, and leaves IPv6 out', () => {
    const to = [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', 'fd00::/8'] } }, { ipBlock: { cidr: '::/0' } }];
    const policy = aPolicy({
      podSelector: app('main'),
      policyTypes: ['Egress'],
      egress: [{ to, ports: [{ port: 443 }] }],
    });
    expect(allowed([policy])).toEqual([
      'ip saddr { 10.0.0.2 } ip daddr { 0.0.0.0/0 } ip daddr != { 10.0.0.0/8 } tcp dport 443 return',
    ]);
  });

  it('knows ranges of ports, other protocols, and protocols without a port', () => {
    const ports = [
      { port: 8000, endPort: 8010 },
      { port: 53, protocol: 'UDP' as const },
      { protocol: 'SCTP' as const },
    ];
    expect(allowed([aPolicy({ podSelector: app('main'), ingress: [{ ports }] })])).toEqual([
      'ip daddr { 10.0.0.2 } tcp dport 8000-8010 return',
      'ip daddr { 10.0.0.2 } udp dport 53 return',
      'ip daddr { 10.0.0.2 } meta l4proto sctp return',
    ]);
  });

  it('looks a named port up where it is served: at the pods themselves, or at those that they talk to', () => {
    const inward = aPolicy({ podSelector: app('main'), ingress: [{ ports: [{ port: 'http' }] }] });
    expect(allowed([inward])).toEqual(['ip daddr { 10.0.0.2 } tcp dport { 8000 } return']);
    const outward = aPolicy({
      podSelector: app('main'),
      policyTypes: ['Egress'],
      egress: [{ to: [{ podSelector: app('converter') }], ports: [{ port: 'http' }, { port: 'none' }] }],
    });
    expect(allowed([outward])).toEqual(['ip saddr { 10.0.0.2 } ip daddr { 10.0.0.3 } tcp dport { 8002 } return']);
  });

  it('forgets pods that have ended, have no address yet, or are on the network of the node', () => {
    const pods = [
      aPod('main', '10.0.0.2', { phase: 'Succeeded' }),
      aPod('main', '', { phase: 'Pending' }),
      aPod('main', '192.168.0.1', { hostNetwork: true }),
    ];
    expect(isolated([aPolicy({ podSelector: {} })], pods)).toEqual([]);
  });

  it('adds up what several policies allow, each once', () => {
    const open = (port: number): PolicyObject =>
      aPolicy({ podSelector: app('main'), ingress: [{ ports: [{ port }] }] });
    expect(allowed([open(1), open(2), open(1)])).toEqual([
      'ip daddr { 10.0.0.2 } tcp dport 1 return',
      'ip daddr { 10.0.0.2 } tcp dport 2 return',
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { runLabels } from '../../../operator/src/labels.ts';
import { allows, type End } from './flows.ts';
import { CASES, type KubeObject, podsOf, rendering, titleOf } from './renderings.ts';

const INTERNET: End = { address: '203.0.113.7' };
const DNS: End = { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } };
const PROMETHEUS: End = { namespace: 'monitoring', labels: { 'app.kubernetes.io/name': 'prometheus' } };
const NEIGHBOUR: End = { namespace: 'mediajob', labels: { app: 'somebody-else' } };
const STRANGER: End = { namespace: 'other', labels: { 'app.kubernetes.io/component': 'main' } };

/** A pod of a Job, as the operator labels it. */
function run(namespace = 'mediajob'): End {
  const key = { stage: 'transcribe', attempt: 1, shard: 0, try: 1 } as const;
  return { namespace, labels: runLabels({ name: 'talk', uid: 'a' as never }, key) };
}

function pod(objects: readonly KubeObject[], component: string, namespace = 'mediajob'): End {
  const found = podsOf(objects).find(
    ({ of, labels }) => labels['app.kubernetes.io/component'] === component && of.metadata.namespace === namespace,
  );
  if (found === undefined) throw new Error(`there is no pod of ${component}`);
  return { namespace, labels: found.labels };
}

const objects = rendering('defaults');
const of = (component: string): End => pod(objects, component);

describe('who talks to whom', () => {
  it.each<[string, End, End, number]>([
    ['anybody reaches main', NEIGHBOUR, of('main'), 8000],
    ['a browser reaches main', INTERNET, of('main'), 8000],
    ['main reaches the converter', of('main'), of('converter'), 8002],
    ['main reaches the transcriber', of('main'), of('transcriber'), 8001],
    ['main reaches the API server', of('main'), INTERNET, 6443],
    ['main looks up names', of('main'), DNS, 53],
    ['the operator reaches the API server', of('operator'), INTERNET, 443],
    ['the operator looks up names', of('operator'), DNS, 53],
    ['a replica of the operator passes a report on', of('operator'), of('operator'), 8443],
    ['a Job reports progress', run(), of('operator'), 8443],
    ['a Job looks up names', run(), DNS, 53],
    ['models come from anywhere', of('models'), INTERNET, 443],
    ['Prometheus reads metrics of main', PROMETHEUS, of('main'), 9100],
    ['Prometheus reads metrics of the transcriber', PROMETHEUS, of('transcriber'), 9101],
    ['Prometheus reads metrics of the converter', PROMETHEUS, of('converter'), 9102],
    ['Prometheus reads metrics of the operator', PROMETHEUS, of('operator'), 9103],
    ['the test reaches main', of('test'), of('main'), 8000],
    ['what lets go of MediaJobs reaches the API server', of('release'), INTERNET, 443],
  ])('%s', (_what, from, to, port) => {
    expect(allows(objects, from, to, port)).toBe(true);
  });

  it('names are looked up by UDP, too', () => {
    for (const from of [of('main'), of('operator'), run()]) expect(allows(objects, from, DNS, 53, 'UDP')).toBe(true);
  });

  it.each<[string, End, End, number]>([
    ['the converter reaches the outside', of('converter'), INTERNET, 443],
    ['the converter looks up names', of('converter'), DNS, 53],
    ['the converter reaches main', of('converter'), of('main'), 8000],
    ['the converter reaches the transcriber', of('converter'), of('transcriber'), 8001],
    ['the transcriber reaches the outside', of('transcriber'), INTERNET, 443],
    ['the transcriber looks up names', of('transcriber'), DNS, 53],
    ['a Job reaches the outside', run(), INTERNET, 443],
    ['a Job reaches the API server', run(), INTERNET, 6443],
    ['a Job reaches main', run(), of('main'), 8000],
    ['a Job reaches another Job', run(), run(), 8443],
    ['a Job reaches the health of the operator', run(), of('operator'), 8003],
    ['somebody reaches a Job', NEIGHBOUR, run(), 80],
    ['a Job of a namespace that is not watched reports progress', run('other'), of('operator'), 8443],
    ['a neighbour reports progress', NEIGHBOUR, of('operator'), 8443],
    ['a neighbour reaches the converter', NEIGHBOUR, of('converter'), 8002],
    ['a pod of another namespace that calls itself main reaches the converter', STRANGER, of('converter'), 8002],
    ['a neighbour reads metrics', NEIGHBOUR, of('main'), 9100],
    ['Prometheus reaches the converter itself', PROMETHEUS, of('converter'), 8002],
    ['main reaches the outside, but where an API server may be', of('main'), INTERNET, 80],
    ['main reports progress', of('main'), of('operator'), 8443],
    ['the operator reaches main', of('operator'), of('main'), 8000],
    ['somebody reaches the pod that fetches models', NEIGHBOUR, of('models'), 80],
    ['the test reaches the outside', of('test'), INTERNET, 443],
  ])('never: %s', (_what, from, to, port) => {
    expect(allows(objects, from, to, port)).toBe(false);
  });

  it('Jobs of a tenant report progress, and reach nothing else here', () => {
    const tenants = rendering('tenants');
    expect(allows(tenants, run('team-a'), pod(tenants, 'operator'), 8443)).toBe(true);
    expect(allows(tenants, run('team-a'), pod(tenants, 'main'), 8000)).toBe(false);
    expect(allows(tenants, run('team-a'), run('team-b'), 8443)).toBe(false);
    expect(allows(tenants, run('team-a'), INTERNET, 443)).toBe(false);
    expect(allows(tenants, pod(tenants, 'models', 'team-a'), INTERNET, 443)).toBe(true);
  });

  it('Jobs of a tenant with a page of its own reach the operator of the other release alone', () => {
    const tenant = rendering('tenant-with-page', { namespace: 'team-c' });
    const operator: End = { ...of('operator'), namespace: 'mediajob' } as End;
    expect(allows(tenant, run('team-c'), operator, 8443)).toBe(true);
    expect(allows(tenant, run('team-c'), INTERNET, 443)).toBe(false);
  });

  it('models come from the given address alone, where one is given', () => {
    const airGapped = rendering('air-gapped');
    expect(allows(airGapped, pod(airGapped, 'models'), { address: '10.20.30.40' }, 443)).toBe(true);
    expect(allows(airGapped, pod(airGapped, 'models'), INTERNET, 443)).toBe(false);
  });
});

describe.each(CASES)('the policies of: %s', (name) => {
  const all = rendering(name);

  it('leave no pod open, or are switched off for all', () => {
    const policies = all.filter(({ kind }) => kind === 'NetworkPolicy');
    if (name === 'no network policies, no roles for people, no test') {
      expect(policies).toEqual([]);
      return;
    }
    for (const { of: owner, labels } of podsOf(all)) {
      const end: End = { namespace: owner.metadata.namespace ?? '', labels };
      expect(allows(all, end, INTERNET, 25), titleOf(owner)).toBe(
        labels['app.kubernetes.io/component'] === 'models' && name !== 'air-gapped',
      );
      expect(allows(all, NEIGHBOUR, end, 25), titleOf(owner)).toBe(false);
    }
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressOf, reaches, type Target } from './reachable.ts';
import { Release } from './release.ts';

const NAMESPACE = 'e2e-policies';

let release: Release;
const targets = new Map<string, Target>();
const pods = new Map<string, string>();

beforeAll(async () => {
  release = await Release.install({ namespace: NAMESPACE });
  const services = { main: 80, converter: 8002, transcriber: 8001, operator: 8443 };
  for (const [name, port] of Object.entries(services)) {
    targets.set(name, { host: await addressOf(release, `mediajob-${name}`), port });
    const [pod] = await release.podsOf(name);
    if (pod?.status.podIP === undefined) throw new Error(`${name} has no pod`);
    pods.set(name, pod.metadata.name);
    const metrics = { main: 9100, transcriber: 9101, converter: 9102, operator: 9103 }[name] ?? 0;
    targets.set(`metrics of ${name}`, { host: pod.status.podIP, port: metrics });
  }
  targets.set('API server', { host: await addressOf(release, 'kubernetes', 'default'), port: 443 });
  targets.set('DNS', { host: await addressOf(release, 'kube-dns', 'kube-system'), port: 53 });
  pods.set('stranger', 'files');
});
afterAll(() => release?.uninstall());

/** Who may talk to whom; all other pairs are denied. A stranger is any pod of the namespace that is not of the release. */
const FLOWS: Record<string, string[]> = {
  main: ['converter', 'transcriber', 'API server', 'DNS'],
  operator: ['operator', 'API server', 'DNS'],
  converter: [],
  transcriber: [],
  stranger: ['main', 'API server', 'DNS'],
};

describe('the network policies of the chart', () => {
  it.each(Object.entries(FLOWS))('let %s reach %j, and nothing else', async (from, allowed) => {
    const pod = pods.get(from) ?? '';
    const open: string[] = [];
    // Of itself a pod is never cut off.
    const others = [...targets].filter(
      ([name]) => name !== `metrics of ${from}` && (name !== from || name === 'operator'),
    );
    for (const [name, target] of others) if (await reaches(release, { pod }, target)) open.push(name);
    expect(open.sort()).toEqual([...allowed].sort());
  });
});

import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Resource } from '../cluster/kube-client.ts';
import { kubeProgram } from '../cluster/programs.ts';
import { until } from '../cluster/until.ts';
import { Release } from './release.ts';

interface Autoscaler extends Resource {
  status?: {
    desiredReplicas?: number;
    conditions?: { type: string; status: string; reason: string; message: string }[];
  };
}

const NAMESPACE = 'e2e-autoscaling';
const MOST = 3;

let release: Release;
beforeAll(async () => {
  release = await Release.install({
    namespace: NAMESPACE,
    values: {
      converter: {
        autoscaling: { enabled: true, minReplicas: 1, maxReplicas: MOST, cpu: 50 },
        resources: { requests: { cpu: '100m', memory: '64Mi' } },
      },
    },
  });
  await release.putSample();
});
afterAll(() => release?.uninstall());

describe('converter with autoscaling', () => {
  const path = `/apis/autoscaling/v2/namespaces/${NAMESPACE}/horizontalpodautoscalers/mediajob-converter`;

  it('gets replicas under load, which are Ready, and no more than it may have', async () => {
    const end = load(release);
    try {
      let last: Autoscaler | undefined;
      await until(
        'it has as many replicas as it may have',
        async () => {
          last = await release.cluster.client.get<Autoscaler>(path);
          return last.status?.desiredReplicas === MOST;
        },
        { limitMs: 420_000, everyMs: 1000, explain: () => JSON.stringify(last?.status) },
      );
      await until(
        'they are Ready',
        async () => {
          const converter = (await release.deployments()).find((it) => it.metadata.name === 'mediajob-converter');
          return converter?.status?.availableReplicas === MOST;
        },
        { limitMs: 300_000, everyMs: 1000, explain: end.said },
      );
      const limited = (await release.cluster.client.get<Autoscaler>(path)).status?.conditions?.find(
        (it) => it.type === 'ScalingLimited',
      );
      expect(limited).toMatchObject({ status: 'True', reason: 'TooManyReplicas' });
    } finally {
      end();
    }
  });
});

/** Main asks converter to look into a file, again and again, as it does for each upload. @returns what ends it */
function load({ cluster, namespace }: Release): { (): void; said: () => string } {
  const script = `
    const ask = () => fetch('http://mediajob-converter:8002/v1/probe', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ source: 'inbox/jfk.mp3' }),
    }).then(async (answer) => {
      if (!answer.ok) throw new Error(await answer.text());
    }).catch((error) => {
      console.error(String(error.cause ?? error));
      return new Promise((resolve) => setTimeout(resolve, 200));
    });
    const again = async () => { for (;;) await ask(); };
    for (let i = 0; i < 4; i++) void again();
    process.stdin.resume().once('end', () => process.exit(0));`;
  const args = ['-n', namespace, 'exec', '-i', 'deploy/mediajob-main', '--', 'node', '-e', script];
  const child = spawn(kubeProgram('kubectl'), [`--kubeconfig=${cluster.kubeconfig}`, ...args], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000);
  });
  const end = (): void => {
    child.stdin.end();
    child.kill();
  };
  return Object.assign(end, { said: () => said });
}

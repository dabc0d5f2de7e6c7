import { chownSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rigPaths, rigSettings } from '../cluster/rig/rig-settings.ts';
import { until } from '../cluster/until.ts';
import { Release } from './release.ts';
import { isRig } from './the-cluster.ts';

const VOLUME = 'e2e-root-owned';
const VOLUMES = '/api/v1/persistentvolumes';

// Kubernetes leaves the owner of a hostPath as it is, as it does with many network file systems.
describe.runIf(isRig)('a volume that belongs to root, and keeps doing so', () => {
  const settings = rigSettings();
  const directory = join(rigPaths(settings).home, 'volumes', VOLUME);
  let release: Release;

  beforeAll(async () => {
    mkdirSync(directory, { mode: 0o755, recursive: true });
    release = await Release.begin({
      namespace: VOLUME,
      values: { persistence: { media: { storageClassName: '-', volumeName: VOLUME } } },
    });
    await release.cluster.client.create(VOLUMES, {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: VOLUME },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteMany'],
        persistentVolumeReclaimPolicy: 'Retain',
        hostPath: { path: directory },
      },
    });
  });
  afterAll(async () => {
    await release?.cluster.client.delete(`${VOLUMES}/${VOLUME}`).catch(() => {});
    await release?.uninstall();
    rmSync(directory, { recursive: true, force: true });
  });

  const SENTENCE = /belongs to uid 0, gid 0 and this process is uid 10001\. Run: chown -R 10001:10001/;

  it('leaves the services running and not ready, with a sentence that says what to do', async () => {
    for (const [component, port] of [
      ['main', 8000],
      ['converter', 8002],
    ] as const) {
      const said = await until(
        `${component} says what is wrong`,
        async () => {
          const [pod] = await release.podsOf(component);
          if (pod?.status.phase !== 'Running') return false;
          const script = `fetch('http://127.0.0.1:${port}/health').then((it) => it.text()).then((it) => console.log(it))`;
          const text = await release
            .kubectl(['exec', '-n', VOLUME, pod.metadata.name, '--', 'node', '-e', script])
            .catch(() => '');
          return SENTENCE.test(text) && text;
        },
        { limitMs: 180_000, everyMs: 1000 },
      );
      expect(said).toMatch(SENTENCE);
      const [pod] = await release.podsOf(component);
      expect(pod?.status.containerStatuses?.map((it) => it.restartCount)).toEqual([0]);
    }
    const main = (await release.deployments()).find((it) => it.metadata.name === `${release.name}-main`);
    expect(main?.status?.availableReplicas ?? 0).toBe(0);
  });

  it('is taken as soon as it has been given away, without a start of anything', async () => {
    giveAway(directory);
    await until('main and converter are Ready', async () => {
      const ready = (await release.deployments()).filter((it) => it.status?.availableReplicas === it.spec.replicas);
      const names = ready.map((it) => it.metadata.name);
      return ['main', 'converter'].every((it) => names.includes(`${release.name}-${it}`));
    });
    for (const component of ['main', 'converter']) {
      const [pod] = await release.podsOf(component);
      expect(pod?.status.containerStatuses?.map((it) => it.restartCount)).toEqual([0]);
    }
  });
});

function giveAway(path: string): void {
  chownSync(path, 10_001, 10_001);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) giveAway(join(path, entry.name));
  }
}

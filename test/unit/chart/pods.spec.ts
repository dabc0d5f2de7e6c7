import { describe, expect, it } from 'vitest';
import { CASES, containersOf, podsOf, rendering, titleOf } from './renderings.ts';

describe.each(CASES)('every pod of: %s', (name) => {
  const pods = podsOf(rendering(name));

  it('is there', () => {
    expect(pods.length).toBeGreaterThan(0);
  });

  it('keeps to Pod Security `restricted`, as the user of the images, on a root that cannot be written', () => {
    for (const pod of pods) {
      expect(pod.spec.securityContext, titleOf(pod.of)).toEqual({
        runAsNonRoot: true,
        runAsUser: 10001,
        runAsGroup: 10001,
        fsGroup: 10001,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const field of ['hostNetwork', 'hostPID', 'hostIPC']) expect(pod.spec).not.toHaveProperty(field);
      expect((pod.spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined)).toEqual([]);
      for (const container of containersOf(pod)) {
        expect(container.securityContext, titleOf(pod.of)).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
  });

  it('has requests and limits of CPU and memory, and a bounded place for temporary files', () => {
    for (const pod of pods) {
      for (const { resources, volumeMounts = [] } of containersOf(pod)) {
        expect(resources?.requests, titleOf(pod.of)).toMatchObject({
          cpu: expect.anything(),
          memory: expect.anything(),
        });
        expect(resources?.limits, titleOf(pod.of)).toMatchObject({ cpu: expect.anything(), memory: expect.anything() });
        expect(volumeMounts, titleOf(pod.of)).toContainEqual({ name: 'tmp', mountPath: '/tmp' });
      }
      for (const { emptyDir } of pod.spec.volumes ?? []) if (emptyDir) expect(emptyDir.sizeLimit).toBeDefined();
    }
  });

  it('has an account of its own, and a token only where it talks to the API server', () => {
    for (const { of, labels, spec } of pods) {
      expect(spec.serviceAccountName, titleOf(of)).toMatch(/^mediajob-/);
      const component = labels['app.kubernetes.io/component'] ?? '';
      const runtime = containersOf({ of, labels, spec })
        .flatMap(({ env = [] }) => env)
        .find((it) => it.name === 'MEDIAJOB_RUNTIME')?.value;
      const talks = ['operator', 'release'].includes(component) || runtime === 'kubernetes';
      expect(spec.automountServiceAccountToken, titleOf(of)).toBe(talks);
    }
  });

  it('of a Deployment starts, is asked whether it lives and is ready, and has time to end', () => {
    for (const pod of pods.filter(({ of }) => of.kind === 'Deployment')) {
      const probe = (path: string) => ({ httpGet: { path, port: 'http' } });
      expect(pod.spec.containers[0], titleOf(pod.of)).toMatchObject({
        startupProbe: probe('/health/live'),
        livenessProbe: probe('/health/live'),
        readinessProbe: probe('/health/ready'),
        lifecycle: { preStop: { sleep: { seconds: 5 } } },
      });
      expect(pod.spec.terminationGracePeriodSeconds).toBe(35);
    }
  });

  it('mounts the models for reading, except the one that fetches them', () => {
    for (const pod of pods) {
      const models = containersOf(pod)
        .flatMap(({ volumeMounts = [] }) => volumeMounts)
        .filter((it) => it.name === 'models');
      const fetches = pod.labels['app.kubernetes.io/component'] === 'models';
      for (const mount of models) expect(mount.readOnly ?? false, titleOf(pod.of)).toBe(!fetches);
    }
  });
});

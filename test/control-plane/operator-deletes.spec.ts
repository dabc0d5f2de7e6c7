import { isNotFound, Jobs, Namespaces, PersistentVolumeClaims, Pods } from '@mediajob/kube';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MEDIAJOB_FINALIZER } from '../../operator/src/labels.ts';
import { aMediaJob } from '../../operator/test/builders.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { until } from '../cluster/until.ts';
import { OperatorWorld, startMediaJobCluster, type WorldOptions } from './operator-rig.ts';

let controlPlane: ControlPlane;
let world: OperatorWorld;

beforeAll(async () => {
  controlPlane = await startMediaJobCluster();
});
afterAll(() => controlPlane?.stop());
afterEach(() => world?.close());

const open = async (options: Omit<WorldOptions, 'controlPlane'> = {}): Promise<OperatorWorld> => {
  world = await OperatorWorld.open({ controlPlane, ...options });
  return world;
};
const running: WorldOptions['fates'] = { convert: (player) => player.running() };
const cleanups = async () => (await world.jobNames()).filter((name) => name.startsWith('talk-cleanup-'));

describe('deleting a MediaJob on a real API server', () => {
  it('mid-way stops its pods, then removes its files, and leaves nothing but the cleanup’s log', async () => {
    const order: string[] = [];
    await open({
      fates: {
        ...running,
        cleanup: async (player, pod) => {
          order.push('cleanup');
          await world.succeed(player, pod);
        },
      },
      onDeletion: async (player) => {
        order.push('pod ended');
        await player.finishDeletion();
      },
    });
    const { metadata } = await world.apply();
    await world.reachPhase('Converting');
    expect((await world.find())?.metadata.finalizers).toEqual([MEDIAJOB_FINALIZER]);
    await world.delete();
    await world.reachGone();
    expect(order).toEqual(['pod ended', 'cleanup']);
    expect(await cleanups()).toEqual([`talk-cleanup-${metadata.uid.slice(0, 8)}-1`]);
    const cleanup = await world.reachJob(`talk-cleanup-${metadata.uid.slice(0, 8)}-1`);
    expect(cleanup.metadata.ownerReferences).toBeUndefined();
    expect(cleanup.spec.ttlSecondsAfterFinished).toBe(3600);
    await until('nothing else is left', async () => (await world.jobNames()).length === 1);
    const { items } = await world.api.list(Pods, { namespace: world.namespace });
    expect(items.every((pod) => pod.metadata.name.startsWith('talk-cleanup-'))).toBe(true);
  });

  it('tries a cleanup that fails again, and says so', async () => {
    let tries = 0;
    await open({
      fates: {
        cleanup: async (player, pod) => {
          tries += 1;
          if (tries > 1) return world.succeed(player, pod);
          await player.failed(
            74,
            JSON.stringify({ failure: { exitCode: 74, reason: 'StorageError', message: 'I/O error' } }),
          );
        },
      },
    });
    await world.apply();
    await world.reachPhase('Succeeded');
    await world.delete();
    await world.reach(({ message }) => message.includes('it is tried again. I/O error'));
    await world.reachGone();
    expect(tries).toBe(2);
  });

  it('keeps its files when it says so', async () => {
    await open({ fates: running });
    await world.apply(aMediaJob().withAnnotation('mediajob.io/keep-files', 'true'));
    await world.reachPhase('Converting');
    await world.delete();
    await world.reachGone();
    expect(await cleanups()).toEqual([]);
    await until('its Jobs are gone', async () => (await world.jobNames()).length === 0);
  });

  it('lets go when the claim is gone', async () => {
    await open({ fates: running });
    await world.apply();
    await world.reachPhase('Converting');
    const { namespace, api } = world;
    await api.delete(PersistentVolumeClaims, { namespace, name: 'media' }, { propagationPolicy: 'Background' });
    await world.delete();
    await world.reachGone();
    expect(await cleanups()).toEqual([]);
    await until('people are told', async () => (await world.told()).includes('FilesLeft'));
  });

  it('never keeps a namespace from being deleted', async () => {
    await open({ fates: running });
    await world.apply();
    await world.apply(aMediaJob(), 'other');
    await world.reachPhase('Converting');
    const { namespace, api } = world;
    await api.delete(Namespaces, { name: namespace }, { propagationPolicy: 'Background' });
    await until('the namespace is gone', async () => {
      const found = await api.get(Namespaces, { name: namespace }).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      return found === undefined;
    });
  });

  it('and making one of the same name starts anew', async () => {
    await open();
    const first = await world.apply();
    await world.reachPhase('Succeeded');
    await world.delete();
    await world.reachGone();
    const second = await world.apply();
    await world.reachPhase('Succeeded');
    const job = await world.api.get(Jobs, { namespace: world.namespace, name: 'talk-convert-1' });
    expect(job.metadata.ownerReferences?.[0]?.uid).toBe(second.metadata.uid);
    expect(first.metadata.uid).not.toBe(second.metadata.uid);
  });
});

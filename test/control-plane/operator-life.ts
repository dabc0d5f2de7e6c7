import type { MediaJobStatus } from '@mediajob/contract';
import { mediaJobCrd } from '@mediajob/contract/crd';
import { Jobs, Leases, Pods } from '@mediajob/kube';
import type { TestContext } from 'vitest';
import type { AuditEvent } from '../cluster/audit.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { addNode } from '../cluster/pods.ts';
import { until } from '../cluster/until.ts';
import { Replica, type ReplicaOptions, WRITES } from './operator-replica.ts';
import { type Fates, NODE, OperatorWorld } from './operator-rig.ts';

/** What a MediaJob came to, and what was done for it. */
export interface Life {
  readonly end: object;
  /** Jobs that were made, by name; the UID in that of the cleanup is left out. */
  readonly made: readonly string[];
  /** Pods that ran, by stage. */
  readonly ran: Readonly<Record<string, number>>;
}

/** A life as it has to be, whatever happens on the way. */
export const UNDISTURBED: Life = {
  end: {
    phase: 'Succeeded',
    attempt: 1,
    attempts: [],
    outputs: ['transcript.json'],
    percent: 100,
    language: 'en',
    stages: [
      'convert Succeeded 100 shards 1/1',
      'transcribe Succeeded 100 shards 2/2',
      'finalize Succeeded 100 shards 1/1',
    ],
    conditions: [
      'Accepted=True Accepted',
      'Converted=True Converted',
      'Failed=False NotFailed',
      'Queued=False Finished',
      'Succeeded=True Succeeded',
      'Transcribed=True Transcribed',
    ],
  },
  made: ['talk-cleanup-<uid>-1', 'talk-convert-1', 'talk-finalize-1', 'talk-transcribe-1'],
  ran: { convert: 1, transcribe: 2, finalize: 1, cleanup: 1 },
};

/** Of a Lease that runs out while a test waits; long enough for a machine that is busy to renew it. */
export const QUICK_LEASE = { leaseDurationMs: 20_000, renewDeadlineMs: 14_000, retryPeriodMs: 500 };

/** A control plane whose audit log tells what each operator did. */
export async function startAuditedCluster(): Promise<ControlPlane> {
  const controlPlane = await startControlPlane({ definitions: [mediaJobCrd()], audit: true });
  await addNode(controlPlane.client, NODE);
  // Which rights are needed is for rbac.spec.ts to say.
  await controlPlane.client.create('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'operators-of-the-tests' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:serviceaccounts' }],
  });
  return controlPlane;
}

/** A namespace with the replicas of an operator, and one MediaJob of two shards from its creation to its end. */
export class Stage {
  readonly world: OperatorWorld;
  readonly #ran: Record<string, number>;
  readonly #replicas: Replica[] = [];

  private constructor(world: OperatorWorld, ran: Record<string, number>) {
    this.world = world;
    this.#ran = ran;
  }

  /**
   * It closes with the test.
   * @param fates what comes before the success of a stage's pod
   */
  static async open(controlPlane: ControlPlane, { onTestFinished }: TestContext, fates: Fates = {}): Promise<Stage> {
    const ran: Record<string, number> = {};
    const counted: Fates = Object.fromEntries(
      (['convert', 'transcribe', 'finalize', 'cleanup'] as const).map((name): [string, Fates['convert']] => [
        name,
        async (player, pod) => {
          ran[name] = (ran[name] ?? 0) + 1;
          await fates[name]?.(player, pod);
          await world.succeed(player, pod);
        },
      ]),
    );
    const world: OperatorWorld = await OperatorWorld.open({ controlPlane, fates: counted, chunks: 4 });
    await world.operator.stop();
    const stage = new Stage(world, ran);
    onTestFinished(() => stage.#close());
    return stage;
  }

  async replica(name: string, options?: ReplicaOptions): Promise<Replica> {
    const replica = await Replica.start(this.world, name, options);
    this.#replicas.push(replica);
    return replica;
  }

  /** From creation over success to deletion. */
  async life(): Promise<Life> {
    await this.world.apply();
    return this.rest();
  }

  /** Of a life that has begun. */
  async rest(): Promise<Life> {
    const { world } = this;
    const { namespace, api } = world;
    const status = await world.reachPhase('Succeeded');
    await until('its Jobs are let go', async () =>
      (await world.jobs()).every(({ metadata }) => metadata.annotations?.['mediajob.io/recorded'] === 'true'),
    );
    await world.delete();
    await world.reachGone();
    await until('nothing is left but the cleanup’s log', async () => {
      const { items: jobs } = await api.list(Jobs, { namespace });
      const { items: pods } = await api.list(Pods, { namespace });
      return [...jobs, ...pods].every(({ metadata }) => metadata.name.startsWith('talk-cleanup-'));
    });
    return { end: endOf(status), made: await this.#made(), ran: { ...this.#ran } };
  }

  async #made(): Promise<string[]> {
    return (await this.writes())
      .filter(({ verb, objectRef, responseStatus }) => {
        return verb === 'create' && objectRef?.resource === 'jobs' && responseStatus?.code === 201;
      })
      .map(({ objectRef }) => (objectRef?.name ?? '').replace(/-cleanup-[0-9a-f]{8}-/, '-cleanup-<uid>-'))
      .sort();
  }

  /** What was written in this namespace, but not Leases. */
  async writes(): Promise<AuditEvent[]> {
    const { namespace, controlPlane } = this.world;
    return (await controlPlane.auditEvents()).filter(
      ({ verb, objectRef }) =>
        WRITES.includes(verb) && objectRef?.namespace === namespace && objectRef.resource !== 'leases',
    );
  }

  /** When a replica got the Lease: from then on nobody else may write. */
  async ledSince({ user }: Replica): Promise<string> {
    const find = async () =>
      (await this.world.controlPlane.auditEvents()).find(
        ({ verb, objectRef, responseStatus, user: by }) =>
          by.username === user &&
          objectRef?.resource === 'leases' &&
          ['create', 'update'].includes(verb) &&
          [200, 201].includes(responseStatus?.code ?? 0),
      );
    return until('it got the Lease', async () => (await find())?.stageTimestamp, { everyMs: 500 });
  }

  async holder(): Promise<string | null | undefined> {
    const { api, namespace } = this.world;
    const lease = await api.get(Leases, { namespace, name: 'mediajob-operator' });
    return lease.spec?.holderIdentity;
  }

  async #close(): Promise<void> {
    await Promise.all(this.#replicas.map((it) => it.close()));
    await this.world.close();
  }
}

/** All of a status that does not tell when. */
function endOf({ phase, attempt, attempts, outputs, progress, stages, conditions, language }: MediaJobStatus): object {
  return {
    phase,
    attempt,
    attempts,
    outputs: outputs.map(({ name }) => name),
    percent: progress?.percent,
    language,
    stages: stages.map(
      ({ name, state, percent, shards = 1, shardsDone = 1 }) =>
        `${name} ${state} ${percent} shards ${shardsDone}/${shards}`,
    ),
    conditions: conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`).sort(),
  };
}

/** A conversion that goes on until the test says so. */
export function aGate(): { readonly fates: Fates; open(): void } {
  const gate = Promise.withResolvers<void>();
  const fates: Fates = {
    convert: async (player) => {
      await player.running();
      await gate.promise;
    },
  };
  return { fates, open: () => gate.resolve() };
}

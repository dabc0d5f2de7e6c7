import { type Clock, type HttpKubeApi, systemClock } from '@mediajob/kube';
import type { OperatorOptions, RunningOperator } from '../../operator/src/start-operator.ts';
import { FaultProxy, type FaultRule, type Match } from '../cluster/fault-proxy.ts';
import { until } from '../cluster/until.ts';
import { apiOf, type OperatorWorld } from './operator-rig.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const LEASE = 'mediajob-operator';
export const WRITES = ['create', 'update', 'patch', 'delete'];

export interface ReplicaOptions {
  /** Durations of the Lease in ms; left out: no election, it works alone. */
  readonly lease?: {
    readonly leaseDurationMs: number;
    readonly renewDeadlineMs: number;
    readonly retryPeriodMs: number;
  };
  /** By how much its clock is wrong, in ms. */
  readonly skewMs?: number;
  /** Before it starts. */
  readonly faults?: (proxy: FaultProxy) => void;
}

/** An operator with a user of its own and a wire of its own to the API server. */
export class Replica {
  /** As the audit log has it. */
  readonly user: string;
  readonly proxy: FaultProxy;
  readonly api: HttpKubeApi;
  readonly operator: RunningOperator;

  private constructor(user: string, proxy: FaultProxy, api: HttpKubeApi, operator: RunningOperator) {
    this.user = user;
    this.proxy = proxy;
    this.api = api;
    this.operator = operator;
  }

  /** @param name another one for each of a namespace */
  static async start(world: OperatorWorld, name: string, options: ReplicaOptions = {}): Promise<Replica> {
    const { namespace, controlPlane } = world;
    const { lease, skewMs = 0, faults } = options;
    const proxy = await FaultProxy.start(controlPlane);
    faults?.(proxy);
    const api = await apiOf(await proxy.kubeconfigFor(await controlPlane.kubeconfigFor({ namespace, name })));
    const more: Partial<OperatorOptions> = {
      environment: { clock: skewed(skewMs), random: Math.random, log: quiet },
      // What hangs shall not hold up a test's end.
      drainMs: 1_000,
      graceMs: 500,
      ...(lease !== undefined && { election: { namespace, name: LEASE, identity: name, ...lease } }),
    };
    const operator = world.startOperator(api, more);
    return new Replica(`system:serviceaccount:${namespace}:${name}`, proxy, api, operator);
  }

  /**
   * Dies like a process, as far as anybody else can tell: what has not left it never does, and it hears nothing more.
   * What goes on in it goes on in vain.
   */
  die(): void {
    this.proxy.on({}, { kind: 'drop-request' }, { times: Number.POSITIVE_INFINITY });
    this.proxy.breakConnections();
  }

  /**
   * Dies at a write that matches, the first `skip` of them spared: either it was about to be sent, or it is done and its
   * answer was under way. Nothing that it would have sent afterwards is ever sent.
   */
  async dieAt(match: Match, skip: number, moment: 'before' | 'after'): Promise<void> {
    const silence = () => this.proxy.on({}, { kind: 'hold' }, { times: Number.POSITIVE_INFINITY });
    const rule =
      moment === 'before'
        ? this.proxy.on(match, { kind: 'hold' }, { skip, onHit: silence })
        : this.proxy.on(match, { kind: 'drop-answer' }, { skip, onHit: silence });
    await until(`${[match.verb].flat().join()} ${match.resource} number ${skip + 1} was sent`, () =>
      moment === 'before' ? rule.held > 0 : rule.done > 0,
    );
    this.die();
  }

  /** From now on nothing comes through, and nothing is refused either, until `release()`. */
  freeze(): FaultRule {
    return this.proxy.on({}, { kind: 'hold' }, { times: Number.POSITIVE_INFINITY });
  }

  get writes(): number {
    return this.proxy.requests.filter(({ verb, resource }) => WRITES.includes(verb) && resource !== 'leases').length;
  }

  async close(): Promise<void> {
    this.die();
    await this.operator.stop().catch(() => {});
    await this.api.close();
    await this.proxy.stop();
  }
}

function skewed(ms: number): Clock {
  return { ...systemClock, now: () => Date.now() + ms };
}

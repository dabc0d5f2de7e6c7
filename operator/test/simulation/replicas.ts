import {
  type DeleteOptions,
  Events,
  Jobs,
  type Kind,
  KubeApiError,
  type KubeLogger,
  type KubeObject,
  Leases,
  type Patch,
  refOf,
} from '@mediajob/kube';
import {
  type Call,
  type Fault,
  lostAfter,
  lostBefore,
  type MemoryClient,
  type MemoryServer,
  type Process,
  unanswered,
  type World,
} from '../../../packages/kube/test/memory-api/index.js';
import { MediaJobs } from '../../src/media-job-kind.js';
import type { OperatorConfig } from '../../src/operator-config.js';
import type { Profiles } from '../../src/profiles.js';
import { ProgressBook } from '../../src/progress-book.js';
import { createOperator, type Operator } from '../../src/start-operator.js';
import { NAMESPACE } from '../builders.js';
import type { Chance } from './chance.js';
import type { Ledger } from './ledger.js';
import type { Story } from './story.js';

/** The Lease lasts longer than in a cluster, so that most steps of a simulation are about MediaJobs. */
export const LEASE_MS = 60_000;
export const RENEW_DEADLINE_MS = 40_000;
const RETRY_MS = 12_000;

export interface Replica {
  readonly process: Process;
  readonly operator: Operator;
  readonly book: ProgressBook;
  readonly stop: AbortController;
  /** Of its clock. */
  readonly rate: number;
  /** True time in ms at which the last request for the Lease was sent that it knows to have worked. */
  readonly lease: { renewedAt: number };
}

export interface ReplicasOptions {
  readonly world: World;
  readonly chance: Chance;
  readonly story: Story;
  readonly ledger: Ledger;
  readonly config: OperatorConfig;
  readonly profiles: Profiles & { onChange(listener: () => void): void };
  readonly count: number;
  /** How far clocks may be off, in ms. */
  readonly skewMs: number;
  /** Of all calls, how many fail while there is chaos, 0 to 1. */
  readonly faults: number;
  /** A program must never say this. */
  mistake(what: string): void;
}

/** What a program logs when it is wrong by itself, rather than the world around it. */
const MISTAKES = [
  'reconcile threw what only a mistake in the program throws',
  'reconcile failed, and will not be tried again before something changes',
  'a handler of changes threw; the others go on',
  'a mapping or a predicate threw; the change is lost',
  'a part of the process failed; it ends',
];

/** The operator's replicas, each a process with its own clock, memory and way to the server; one that ends begins anew. */
export class Replicas {
  /** Calls fail, and processes die at writes. */
  chaos = true;
  readonly running = new Map<string, Replica>();
  /** All that ever ran. */
  readonly all: Replica[] = [];
  readonly #options: ReplicasOptions;

  constructor(options: ReplicasOptions) {
    this.#options = options;
    for (let i = 0; i < options.count; i++) this.begin();
  }

  get leaders(): Replica[] {
    return [...this.running.values()].filter((it) => it.operator.manager.leading);
  }

  begin(): void {
    const { world, chance, story, config, profiles, skewMs } = this.#options;
    const name = `operator-${this.all.length + 1}`;
    const rate = chance.between(0.97, 1.03);
    const process = world.process(name, { offsetMs: chance.between(-skewMs, skewMs), rate, log: this.#log(name) });
    process.api.faults = (call) => this.#fault(process, call);
    process.api.abortedArrive = () => chance.hits(0.3);
    const lease = { renewedAt: Number.NEGATIVE_INFINITY };
    noteRenewals(process.api, () => world.simulation.now, lease);
    const book = new ProgressBook();
    const operator = createOperator({
      api: process.api,
      environment: process.environment,
      config,
      profiles,
      book,
      election: {
        namespace: NAMESPACE,
        name: 'mediajob-operator',
        identity: name,
        leaseDurationMs: LEASE_MS,
        renewDeadlineMs: RENEW_DEADLINE_MS,
        retryPeriodMs: RETRY_MS,
      },
      instance: name,
      reconciles: chance.whole(1, 4),
      maxBackoffMs: 60_000,
      // Nothing depends on it here, and it would be most of all steps.
      beatMs: 3_600_000,
    });
    const replica: Replica = { process, operator, book, stop: new AbortController(), rate, lease };
    this.all.push(replica);
    this.running.set(name, replica);
    story.tell(name, 'begins');
    // As a kubelet does: whatever ends begins anew.
    const again = () => this.#ended(name);
    operator.run(replica.stop.signal).then(again, again);
  }

  /** It dies between two steps: what it has sent arrives all the same. */
  kill({ process }: Replica): void {
    const { world, story } = this.#options;
    story.tell(process.name, 'dies');
    world.kill(process);
    this.#ended(process.name);
  }

  /** It stands still, as in a long collection of garbage, and knows nothing of it. */
  pause({ process }: Replica, ms: number): void {
    const { world, story } = this.#options;
    const { simulation } = world;
    story.tell(process.name, `stands still for ${Math.round(ms / 1000)} s`);
    simulation.pause(process.name);
    simulation.at(simulation.now + ms, 'world', `${process.name} goes on`, () => simulation.resume(process.name));
  }

  calm(): void {
    this.chaos = false;
    for (const { process } of this.running.values()) {
      process.api.releaseWatches();
      this.#options.world.simulation.resume(process.name);
    }
  }

  /** A run's report reaches the leader, if there is one and nothing is in between. */
  report(uid: string, runName: string, fraction: number): void {
    const { world, chance } = this.#options;
    for (const { process, book, operator } of this.running.values()) {
      if (chance.hits(0.2)) continue;
      const label = `progress of ${runName}`;
      const run = () => {
        if (operator.manager.leading) book.update(uid, runName, { fraction });
      };
      world.simulation.post({ owner: process.name, label, run });
    }
  }

  #ended(name: string): void {
    if (!this.running.delete(name)) return;
    const { world, chance, story } = this.#options;
    const { simulation } = world;
    story.tell(name, 'is gone');
    simulation.at(simulation.now + chance.between(500, 15_000), 'world', 'a replica begins', () => this.begin());
  }

  #fault(process: Process, call: Call): Fault | undefined {
    const { chance, story, world, faults } = this.#options;
    if (call.isWrite && call.resource !== Leases.plural && call.resource !== 'events') {
      story.tell(process.name, `${call.verb} ${call.resource}${call.subresource ? '/status' : ''} ${call.key}`);
    }
    if (!this.chaos || !chance.hits(faults)) return undefined;
    if (call.isWrite && call.resource !== Leases.plural && chance.hits(0.15)) return this.#late(call);
    if (!call.isWrite || chance.hits(0.75)) {
      const fault = chance.pick(call.isWrite ? [...FAULTS, ...REFUSALS] : FAULTS);
      if (call.isWrite)
        story.tell(
          process.name,
          `  … ${fault.applied ? 'done, but' : 'not done:'} ${fault.answer?.reason ?? 'no answer'}`,
        );
      return fault;
    }
    // It dies at this very write, which is done or not.
    const applied = chance.hits(0.5);
    story.tell(process.name, `dies at this write, which is ${applied ? '' : 'not '}done`);
    world.kill(process);
    world.simulation.at(world.simulation.now, 'world', `${process.name} is gone`, () => this.#ended(process.name));
    return { applied };
  }

  /** It lies about somewhere on its way, until nobody waits for it any more, and is done then. */
  #late(call: Call): Fault {
    const { chance, story, world } = this.#options;
    const { simulation } = world;
    story.tell(call.client, '  … is on its way for long');
    simulation.at(simulation.now + chance.between(1_000, 150_000), 'server', `late ${call.verb} ${call.key}`, () => {
      story.tell('server', `gets late: ${call.verb} ${call.resource} ${call.key} of ${call.client}`);
      this.#options.ledger.late = true;
      try {
        resend(world.server, call);
      } catch (error) {
        if (!(error instanceof KubeApiError)) throw error;
        story.tell('server', `  … refuses it: ${error.reason}`);
      }
      this.#options.ledger.late = false;
    });
    return { applied: false };
  }

  #log(name: string): KubeLogger {
    const { story, mistake } = this.#options;
    const say = (fields: object, line: string) => {
      const { err } = fields as { err?: unknown };
      const cause = err instanceof Error ? `: ${err.message}` : '';
      if (MISTAKES.includes(line)) mistake(`${name} says “${line}${cause}” ${err instanceof Error ? err.stack : ''}`);
      if (!QUIET.some((it) => line.startsWith(it))) story.tell(name, `“${line}${cause}”`);
    };
    return { debug() {}, info: say, warn: say, error: say };
  }
}

const QUIET = ['the watch', 'what is watched', 'the Lease has a new holder', 'an event could not', 'nobody holds'];

const answer = (status: number, reason: string, retryAfterMs?: number): Fault => ({
  applied: false,
  answer: new KubeApiError(`It was answered with ${status} ${reason}: no.`, {
    status,
    reason,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  }),
});

const FAULTS: readonly Fault[] = [lostBefore, lostAfter, unanswered, answer(500, 'InternalError')];
const REFUSALS: readonly Fault[] = [
  answer(429, 'TooManyRequests', 2_000),
  answer(409, 'Conflict'),
  answer(403, 'Forbidden'),
];

const KINDS: readonly Kind<KubeObject>[] = [MediaJobs, Jobs, Events];

function resend(server: MemoryServer, { verb, resource, key, subresource, fieldManager, body, client }: Call): void {
  const kind = KINDS.find(({ plural }) => plural === resource);
  if (kind === undefined) throw new Error(`nobody knows how to send ${verb} ${resource} late`);
  const writer = { fieldManager: fieldManager ?? client, subresource };
  switch (verb) {
    case 'create':
      server.create(kind, body as KubeObject, writer);
      break;
    case 'patch':
      server.patch(kind, refOf(key), body as Patch, writer);
      break;
    case 'apply':
      server.apply(kind, body as KubeObject, {
        fieldManager: writer.fieldManager,
        force: true,
        ...(subresource !== undefined && { subresource }),
      });
      break;
    case 'delete':
      server.delete(kind, refOf(key), body as DeleteOptions);
      break;
    default:
      throw new Error(`no replica sends ${verb} ${resource}`);
  }
}

function noteRenewals(api: MemoryClient, now: () => number, known: { renewedAt: number }): void {
  const { create, replace } = api;
  api.create = (async (kind, object, options) => {
    const sentAt = now();
    const made = await create.call(api, kind, object, options);
    if (kind.plural === Leases.plural) known.renewedAt = sentAt;
    return made;
  }) as MemoryClient['create'];
  api.replace = (async (kind, object, options) => {
    const sentAt = now();
    const made = await replace.call(api, kind, object, options);
    if (kind.plural === Leases.plural) known.renewedAt = sentAt;
    return made;
  }) as MemoryClient['replace'];
}

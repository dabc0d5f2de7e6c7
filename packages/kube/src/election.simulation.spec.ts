import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lostAfter, lostBefore, type MemoryClient, type Process, unanswered, World } from '../test/memory-api/index.js';
import { LeaderElector } from './election.js';
import { sleep } from './environment.js';
import { fenced } from './fence.js';
import { ConfigMaps } from './kinds/core.js';
import { Leases } from './kinds/lease.js';

const RENEW_DEADLINE_MS = 10_000;
/** Of sums of fractions. */
const ROUNDING_MS = 1e-6;
const CHAOS_MS = 150_000;
const YEAR_MS = 365 * 86_400_000;
const ledger = { namespace: 'system', name: 'ledger' };

interface Write {
  readonly by: string;
  /** Leaders are numbered in the order in which they begin. */
  readonly term: number;
  /** True time, in ms. */
  readonly sentAt: number;
  /** When the last request for the Lease was sent that this process knows to have worked. */
  readonly renewedAt: number;
  readonly rate: number;
}

/** A candidate that, as long as it leads, writes twice a second. */
interface Candidate {
  readonly process: Process;
  readonly elector: LeaderElector;
  readonly stop: AbortController;
}

/** Candidates with wrong clocks, of which each may stand still, die, stop or lose its calls at any moment. */
class Election {
  readonly world: World;
  readonly writes: Write[] = [];
  readonly candidates = new Set<Candidate>();
  #chaos = true;
  #terms = 0;
  #made = 0;

  constructor(seed: number) {
    this.world = new World({ seed });
    this.world.server.create(ConfigMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: ledger });
  }

  get leaders(): string[] {
    return [...this.candidates].filter((it) => it.elector.leadership !== undefined).map((it) => it.process.name);
  }

  join(): void {
    const { random } = this.world.simulation;
    this.#made += 1;
    const name = `candidate-${this.#made}`;
    const rate = 0.9 + 0.2 * random();
    const process = this.world.process(name, { offsetMs: (random() - 0.5) * YEAR_MS, rate });
    process.api.abortedArrive = () => random() < 0.5;
    process.api.faults = () =>
      this.#chaos && random() < 0.2 ? this.#pick([lostBefore, lostAfter, unanswered]) : undefined;
    const known = { renewedAt: Number.NEGATIVE_INFINITY };
    noteRenewals(process.api, () => this.world.simulation.now, known);
    const elector = new LeaderElector({ ...process, lease: { namespace: 'system', name: 'lease' }, identity: name });
    const stop = new AbortController();
    this.candidates.add({ process, elector, stop });
    void this.#run(process, elector, stop.signal, (term) =>
      this.writes.push({ by: name, term, sentAt: this.world.simulation.now, renewedAt: known.renewedAt, rate }),
    );
  }

  async #run(process: Process, elector: LeaderElector, stop: AbortSignal, note: (term: number) => void): Promise<void> {
    const { clock } = process;
    while (!stop.aborted) {
      await elector.run(stop, async (leadership) => {
        this.#terms += 1;
        const term = this.#terms;
        const api = fenced(process.api, leadership);
        while (!leadership.signal.aborted) {
          const patch = { type: 'merge', body: { data: { term: `${term}`, at: `${clock.now()}` } } } as const;
          const before = process.api.calls.length;
          const written = api.patch(ConfigMaps, ledger, patch);
          // Whatever passed the fence is on its way now.
          if (process.api.calls.length > before) note(term);
          await written.catch(() => {});
          await sleep(clock, 500, leadership.signal);
        }
      });
    }
  }

  /** One of the things that happen to processes. */
  happen(): void {
    const { simulation } = this.world;
    const { random } = simulation;
    const { process, stop } = this.#pick([...this.candidates]) as Candidate;
    const rest = 1000 + random() * 40_000;
    const pause = (name: string, ms: number) => {
      simulation.pause(name);
      simulation.at(simulation.now + ms, 'world', `${name} goes on`, () => simulation.resume(name));
    };
    this.#pick([
      () => pause(process.name, rest),
      () => pause('server', rest / 2),
      () => {
        this.world.kill(process);
        this.#leave(process);
      },
      () => {
        stop.abort();
        this.#leave(process);
      },
    ])();
  }

  #leave(process: Process): void {
    for (const candidate of this.candidates) if (candidate.process === process) this.candidates.delete(candidate);
    this.join();
  }

  calm(): void {
    const { simulation } = this.world;
    this.#chaos = false;
    simulation.resume('server');
    for (const { process } of this.candidates) simulation.resume(process.name);
  }

  #pick<T>(of: readonly T[]): T {
    return of[Math.floor(this.world.simulation.random() * of.length)] as T;
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

async function anElection(seed: number): Promise<void> {
  const election = new Election(seed);
  const { simulation } = election.world;
  for (let i = 0; i < 3; i++) election.join();
  const end = simulation.now + CHAOS_MS;
  const later = () => {
    if (simulation.now >= end) return;
    election.happen();
    simulation.at(simulation.now + 3000 + simulation.random() * 20_000, 'world', 'something happens', later);
  };
  simulation.at(simulation.now + 5000, 'world', 'something happens', later);

  while (simulation.now < end) {
    await simulation.step();
    // On every other seed nobody asks, so that nothing but the candidates' own timers and fences ends a term.
    if (seed % 2 === 0) expect(election.leaders.length, `leaders: ${election.leaders}`).toBeLessThanOrEqual(1);
  }

  election.calm();
  await simulation.runFor(60_000);
  expect(election.leaders).toHaveLength(1);
  const before = election.writes.length;
  await simulation.runFor(5000);
  expect(election.leaders).toHaveLength(1);
  expect(election.writes.length).toBeGreaterThan(before);
  for (const { stop } of election.candidates) stop.abort();
  await simulation.runFor(30_000);
  expect(election.leaders).toEqual([]);

  let newest = 0;
  for (const { term, by, sentAt, renewedAt, rate } of election.writes) {
    expect(term, `${by} writes although a later leader has written`).toBeGreaterThanOrEqual(newest);
    newest = term;
    const age = (sentAt - renewedAt) * rate;
    expect(age, `${by} writes so many ms of its own clock after its last renewal`).toBeLessThan(
      RENEW_DEADLINE_MS + ROUNDING_MS,
    );
  }
}

describe('an election among processes that fail', () => {
  const numRuns = Number(process.env.KUBE_SEEDS ?? 60);

  it('never has two leaders at one moment, nor a write after the deadline, and always has one again', async () => {
    await fc.assert(fc.asyncProperty(fc.nat(), anElection), { numRuns, endOnFailure: true });
  });
});

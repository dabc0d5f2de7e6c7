import type { StageName } from '@mediajob/contract';

/** Losses in a row that are forgiven beside the retries, as the pipeline has it. */
const FREE_LOSSES = 5;

/** What a MediaJob was made to be, known to the simulation alone. */
export interface Nature {
  /** Chunks that conversion finds in its source. */
  readonly chunks: number;
  /** Its source is no media file: every conversion ends with 65. */
  readonly doomed: boolean;
}

/**
 * How a pod really ended, as far as retries are concerned. done: it succeeded and said so. free: nobody's fault.
 * counted: a failure that uses up a retry. fatal: no retry helps. waits: for storage or a model.
 */
export type End = 'done' | 'free' | 'counted' | 'fatal' | 'waits';

export interface RunOf {
  readonly uid: string;
  readonly stage: StageName;
  readonly shard: number;
  readonly attempt: number;
}

/** What really happened, whatever the operator saw of it. */
export class Ledger {
  readonly natures = new Map<string, Nature>();
  /** Jobs made for a MediaJob. */
  readonly jobs = new Map<string, number>();
  /** Pods made for a MediaJob. */
  readonly pods = new Map<string, number>();
  /** What people did to a MediaJob. */
  readonly deeds = new Map<string, number>();
  /** Jobs that somebody deleted by hand, whose pods nobody may know of. */
  readonly meddled = new Set<string>();
  /** What is written at this moment was sent long ago, by a replica that nobody may listen to any more. */
  late = false;
  /** UIDs of Jobs that were made so. */
  readonly lateJobs = new Set<string>();
  readonly #limits = new Map<string, { readonly retries: number; readonly deadlineMs: number }>();
  readonly #ends = new Map<string, Map<End, number>>();

  ended(run: RunOf, end: End): void {
    const id = idOf(run);
    const ends = this.#ends.get(id) ?? new Map<End, number>();
    ends.set(end, (ends.get(end) ?? 0) + 1);
    this.#ends.set(id, ends);
  }

  count(run: RunOf, end: End): number {
    return this.#ends.get(idOf(run))?.get(end) ?? 0;
  }

  isDone(run: RunOf): boolean {
    return this.count(run, 'done') > 0;
  }

  /** What the spec says, or said once. */
  allows(uid: string, { retries, activeDeadlineSeconds }: { retries?: number; activeDeadlineSeconds?: number }): void {
    const known = this.#limits.get(uid) ?? { retries: Number.POSITIVE_INFINITY, deadlineMs: Number.POSITIVE_INFINITY };
    this.#limits.set(uid, {
      retries: Math.min(known.retries, retries ?? known.retries),
      deadlineMs: Math.min(known.deadlineMs, (activeDeadlineSeconds ?? Number.POSITIVE_INFINITY) * 1000),
    });
  }

  /** The shortest time that was ever asked for, in ms. */
  deadlineMs(uid: string): number {
    return this.#limits.get(uid)?.deadlineMs ?? Number.POSITIVE_INFINITY;
  }

  hasCleanedUp(uid: string): boolean {
    return [...this.#ends].some(([id, ends]) => id.startsWith(`${uid}/cleanup/`) && ends.has('done'));
  }

  /** Whether some part of an attempt failed for good, or more often than was ever forgiven. */
  mayHaveFailed(uid: string, attempt: number): boolean {
    const { retries = Number.POSITIVE_INFINITY } = this.#limits.get(uid) ?? {};
    for (const [id, ends] of this.#ends) {
      if (!id.startsWith(`${uid}/`) || !id.endsWith(`/${attempt}`)) continue;
      const idle = Math.max(0, (ends.get('free') ?? 0) - FREE_LOSSES);
      if (ends.has('fatal') || (ends.get('counted') ?? 0) + idle > retries) return true;
    }
    return false;
  }

  add(to: Map<string, number>, uid: string): void {
    to.set(uid, (to.get(uid) ?? 0) + 1);
  }
}

function idOf({ uid, stage, shard, attempt }: RunOf): string {
  return `${uid}/${stage}/${shard}/${attempt}`;
}

import type { JobId } from './ids.js';
import { STAGES, type StageName } from './steps.js';

/**
 * What names a run: it is the `try`-th of its stage and shard in an attempt of the job.
 * A person's retry opens a new attempt; what `decide()` tries again by itself is a new try in the same attempt.
 */
export interface RunKey {
  readonly stage: StageName;
  readonly shard: number;
  readonly attempt: number;
  readonly try: number;
}

/** `<job>-<stage>-<shard>-<attempt>-<try>`: the same run always has the same name, so asking for it twice starts it once. */
export function runName(jobId: JobId, key: RunKey): string {
  return `${jobId}-${key.stage}-${key.shard}-${key.attempt}-${key.try}`;
}

const PATTERN = new RegExp(`^([0-9a-f-]{36})-(${STAGES.join('|')})-(\\d+)-(\\d+)-(\\d+)$`);

/** The inverse of `runName`; undefined for a name that is not ours. */
export function parseRunName(name: string): { jobId: JobId; key: RunKey } | undefined {
  const match = PATTERN.exec(name);
  if (match === null) return undefined;
  const [, jobId = '', stage, shard, attempt, tryNumber] = match;
  return {
    jobId,
    key: {
      stage: stage as StageName,
      shard: Number(shard),
      attempt: Number(attempt),
      try: Number(tryNumber),
    },
  };
}

/**
 * The chunks of one shard, from inclusive, to exclusive. Sizes differ by at most one, and depend on the two counts alone:
 * a changed setting never moves the borders of a job under way, and each pod of an Indexed Job finds its own.
 */
export function shardChunks(shard: number, shards: number, chunks: number): { from: number; to: number } {
  return {
    from: Math.floor((shard * chunks) / shards),
    to: Math.floor(((shard + 1) * chunks) / shards),
  };
}

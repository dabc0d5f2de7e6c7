import { type JobId, STAGES, type StageName } from '@mediajob/contract';
import type { RunKey } from './observed.js';

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

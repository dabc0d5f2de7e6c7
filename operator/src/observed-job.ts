import { Annotation, type MediaJob } from '@mediajob/contract';
import type { Observed, PipelinePolicy, Waiting } from '@mediajob/pipeline';
import type { Sight } from './observe.js';
import type { OperatorConfig } from './operator-config.js';
import type { Profiles } from './profiles.js';
import { planOf } from './take-up.js';

/** What `decide()` is told: the job, its runs, and what its annotations and its profile say about both. */
export function observedJob(job: MediaJob, sight: Sight, config: OperatorConfig, profiles: Profiles): Observed {
  const { annotations } = job.metadata;
  const held = missingProfile(job.spec.profile, profiles);
  return {
    job,
    runs: sight.runs,
    spent: sight.spent,
    policy: policyOf(job, config),
    paused: annotations?.[Annotation.pause] === 'true',
    keepFiles: annotations?.[Annotation.keepFiles] === 'true',
    ...(held !== undefined && { held }),
  };
}

/** How much more memory a run gets is capped by its profile, in bytes; here only a number that never grows for ever. */
const MOST_MEMORY_FACTOR = 64;

function policyOf(job: MediaJob, config: OperatorConfig): PipelinePolicy {
  return {
    ...(planOf(job) ?? config.plan),
    maxDurationMs: config.maxDurationMs,
    maxMemoryFactor: MOST_MEMORY_FACTOR,
    batchShards: true,
  };
}

function missingProfile(name: string, profiles: Profiles): Waiting | undefined {
  if (profiles.pod(name, 'convert') !== undefined) return undefined;
  return {
    reason: 'ProfileNotFound',
    message: `There is no profile ${name} here, only ${profiles.names.join(', ')}. An administrator can add it, and the job starts by itself; or make a new job with one that is there.`,
  };
}

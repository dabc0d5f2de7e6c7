import type { OperatorEnv } from '@mediajob/contract';
import type { JobConfig, ProgressConfig } from './job-config.js';
import type { Plan } from './take-up.js';

/** What an administrator decides about MediaJobs. */
export interface OperatorConfig {
  readonly jobs: JobConfig;
  /** Of jobs taken up from now on. */
  readonly plan: Plan;
  /** Longest media taken, in ms. */
  readonly maxDurationMs: number;
  /** After which a pod that should be gone is given up with its node, in ms. */
  readonly nodeLostAfterMs: number;
}

/** @param progress left out: Jobs do not report progress */
export function operatorConfig(env: OperatorEnv, progress?: ProgressConfig): OperatorConfig {
  return {
    jobs: {
      converterImage: env.MEDIAJOB_CONVERTER_IMAGE,
      transcriberImage: env.MEDIAJOB_TRANSCRIBER_IMAGE,
      imagePullPolicy: env.MEDIAJOB_IMAGE_PULL_POLICY,
      imagePullSecrets: env.MEDIAJOB_IMAGE_PULL_SECRETS ?? [],
      mediaClaim: env.MEDIAJOB_MEDIA_CLAIM,
      modelsClaim: env.MEDIAJOB_MODELS_CLAIM,
      serviceAccount: env.MEDIAJOB_JOB_SERVICE_ACCOUNT,
      logLevel: env.MEDIAJOB_JOB_LOG_LEVEL,
      reserveBytes: env.MEDIAJOB_RESERVE_BYTES,
      ttlSeconds: Math.ceil(env.MEDIAJOB_JOB_TTL / 1000),
      ...(progress !== undefined && { progress }),
    },
    plan: { chunkTargetMs: env.MEDIAJOB_CHUNK_TARGET, chunksPerShard: env.MEDIAJOB_CHUNKS_PER_SHARD },
    maxDurationMs: env.MEDIAJOB_MAX_DURATION,
    nodeLostAfterMs: env.MEDIAJOB_NODE_LOST_AFTER,
  };
}

import {
  JobEnv,
  parseRunName,
  runName,
  type StepRequest,
  shardChunks,
  type TranscribeRequest,
} from '@mediajob/contract';
import { stepError } from './failure.js';

const OURS = 'This is a mistake of what made the Job; report it with the operator’s version.';

/**
 * The request of this pod. All pods of an Indexed Job have the same environment: the request of shard 0, the counts of
 * shards and chunks, and JOB_COMPLETION_INDEX, which Kubernetes sets. Each takes the shard of its index from that.
 * A Job that is not Indexed has its own request.
 * @throws StepError InvalidArguments when the variables contradict each other: two pods never do the same work
 */
export function requestOfIndex(request: StepRequest, env: NodeJS.ProcessEnv): StepRequest {
  const { JOB_COMPLETION_INDEX: index, MEDIAJOB_SHARDS: shards } = env;
  if (!shards) {
    if (!index || request.stage !== 'transcribe') return request;
    throw refused('JOB_COMPLETION_INDEX is set, but MEDIAJOB_SHARDS is not');
  }
  if (request.stage !== 'transcribe') throw refused(`MEDIAJOB_SHARDS is set for the stage ${request.stage}`);
  return shardOf(request, countsOf(env));
}

interface Counts {
  readonly index: number;
  readonly shards: number;
  readonly chunks: number;
}

const Given = JobEnv.pick({ MEDIAJOB_SHARDS: true, MEDIAJOB_CHUNKS: true });

function countsOf(env: NodeJS.ProcessEnv): Counts {
  const parsed = Given.safeParse({ ...env, MEDIAJOB_CHUNKS: env.MEDIAJOB_CHUNKS || undefined });
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
    throw refused(wrong.join('; '), parsed.error);
  }
  const { MEDIAJOB_SHARDS: shards, MEDIAJOB_CHUNKS: chunks } = parsed.data;
  if (shards === undefined || chunks === undefined) throw refused('MEDIAJOB_SHARDS is set, but MEDIAJOB_CHUNKS is not');
  if (chunks < shards) throw refused(`${chunks} chunks cannot be shared out to ${shards} shards`);
  const text = env.JOB_COMPLETION_INDEX ?? '';
  const index = Number(text);
  if (!/^\d{1,5}$/.test(text) || index >= shards) {
    throw refused(`JOB_COMPLETION_INDEX=${JSON.stringify(text)} names none of ${shards} shards`);
  }
  return { index, shards, chunks };
}

function shardOf(request: TranscribeRequest, { index, shards, chunks }: Counts): TranscribeRequest {
  const name = parseRunName(request.runId);
  const expected = shardChunks(0, shards, chunks);
  const isFirst =
    name?.jobId === request.jobId &&
    name.key.stage === 'transcribe' &&
    name.key.shard === 0 &&
    request.shard === 0 &&
    request.chunks.from === expected.from &&
    request.chunks.to === expected.to;
  if (!isFirst) throw refused(`the request is not that of shard 0 of ${shards} over ${chunks} chunks`);
  if (shards > 1 && request.finalize !== undefined) throw refused('one of several shards cannot finalize');
  return {
    ...request,
    runId: runName(request.jobId, { ...name.key, shard: index }),
    shard: index,
    chunks: shardChunks(index, shards, chunks),
  };
}

function refused(what: string, cause?: unknown) {
  return stepError('InvalidArguments', `The environment is not valid: ${what}. ${OURS}`, cause);
}

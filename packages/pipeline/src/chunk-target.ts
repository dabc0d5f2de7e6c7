import type { MediaJob } from '@mediajob/contract';
import type { PipelinePolicy } from './observed.js';

/** A chunk has one language: in a recording of several a short one mixes fewer. */
const MIXED_CHUNK_MS = 60_000;

/** Wanted length of the chunks of this job, and how many of them a shard takes: about as much audio, however long they are. */
export function chunkTarget(
  job: MediaJob,
  policy: Pick<PipelinePolicy, 'chunkTargetMs' | 'chunksPerShard'>,
): { targetMs: number; perShard: number } {
  const { chunkTargetMs, chunksPerShard } = policy;
  const transcribe = job.spec.transcribe;
  const mixed = transcribe?.languageMode === 'perChunk' && transcribe.language === 'auto';
  if (!mixed || chunkTargetMs <= MIXED_CHUNK_MS) return { targetMs: chunkTargetMs, perShard: chunksPerShard };
  return {
    targetMs: MIXED_CHUNK_MS,
    perShard: Math.round((chunksPerShard * chunkTargetMs) / MIXED_CHUNK_MS),
  };
}

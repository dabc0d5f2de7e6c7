import type { CleanupRequest, CleanupResult } from '@mediajob/contract';
import { removeDirectoryIfEmpty, removeTree } from '@mediajob/storage';
import type { StepContext } from './context.js';

/**
 * Removes what a job made: outputs/<id>, jobs/<id>/work, and jobs/<id> when nothing else is in it. In the local
 * runtime job.json is, which is the MediaJob itself: its owner removes it last, so that a crash in between is noticed.
 * Nothing there is fine.
 */
export async function cleanup(request: CleanupRequest, context: StepContext): Promise<CleanupResult> {
  const { volume } = context;
  const { layout } = volume;
  let removed = 0;
  for (const path of [layout.outputs(request.jobId), layout.work(request.jobId)]) {
    if (await removeTree(volume, path)) removed += 1;
  }
  if (await removeDirectoryIfEmpty(volume, layout.job(request.jobId))) removed += 1;
  context.progress({ fraction: 1 });
  return { stage: 'cleanup', removed };
}

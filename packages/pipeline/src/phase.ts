import type { Phase } from '@mediajob/contract';
import type { StageGraph } from './stages.js';

/** What is going on, in one word: the foremost stage that runs. Nothing runs but something could: Queued. */
export function activePhase(graph: StageGraph): Phase {
  const running = new Set(
    graph.stages.filter((stage) => stage.shards.some((shard) => shard.state === 'running')).map((stage) => stage.name),
  );
  if (running.has('finalize')) return 'Finalizing';
  if (running.has('transcribe')) return 'Transcribing';
  if (running.has('convert') || running.has('render')) return 'Converting';
  return 'Queued';
}

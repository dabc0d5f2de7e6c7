import type { MediaJobSpec, StageName } from '@mediajob/contract';

/** Kueue is used by labels alone: a Job with this one is suspended until its queue lets it in. */
export const QUEUE_LABEL = 'kueue.x-k8s.io/queue-name';
const PRIORITY_LABEL = 'kueue.x-k8s.io/priority-class';

/** Labels of a MediaJob that its Jobs inherit when they have a queue; no other is ever copied. */
const INHERITED_LABELS = [PRIORITY_LABEL, 'kueue.x-k8s.io/max-exec-time-seconds'];

/** Annotations of a MediaJob for the topology that its pods want; on the pods, where Kueue looks for them. */
const INHERITED_ANNOTATIONS = [
  'kueue.x-k8s.io/podset-required-topology',
  'kueue.x-k8s.io/podset-preferred-topology',
  'kueue.x-k8s.io/podset-unconstrained-topology',
];

export interface KueueMetadata {
  readonly jobLabels: Readonly<Record<string, string>>;
  readonly podAnnotations: Readonly<Record<string, string>>;
}

type Entries = Readonly<Record<string, string>> | undefined;

/**
 * What makes the Job of a stage wait in a queue: that of spec.queue, or else the one the MediaJob itself is labelled
 * with. Conversion and transcription ask for different things, so each may have its own. Cleanup never waits.
 */
export function kueueMetadata(
  spec: Pick<MediaJobSpec, 'queue' | 'priorityClass'>,
  stage: StageName,
  metadata: { readonly labels?: Entries; readonly annotations?: Entries },
): KueueMetadata {
  const queue = queueOf(spec, stage, metadata.labels);
  if (queue === undefined) return { jobLabels: {}, podAnnotations: {} };
  return {
    jobLabels: {
      ...picked(metadata.labels, INHERITED_LABELS),
      ...(spec.priorityClass !== undefined && { [PRIORITY_LABEL]: spec.priorityClass }),
      [QUEUE_LABEL]: queue,
    },
    podAnnotations: picked(metadata.annotations, INHERITED_ANNOTATIONS),
  };
}

function queueOf({ queue }: Pick<MediaJobSpec, 'queue'>, stage: StageName, labels: Entries): string | undefined {
  switch (stage) {
    case 'convert':
    case 'render':
      return queue?.convert ?? labels?.[QUEUE_LABEL];
    case 'transcribe':
    case 'finalize':
      return queue?.transcribe ?? labels?.[QUEUE_LABEL];
    case 'cleanup':
      return undefined;
  }
}

function picked(entries: Entries, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(keys.flatMap((key) => (entries?.[key] === undefined ? [] : [[key, entries[key]]])));
}

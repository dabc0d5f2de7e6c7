import { API_GROUP, type JobId, type RunKey } from '@mediajob/contract';

/** Labels of the Jobs and pods that run steps. No Service selects any of them. */
export const Label = {
  managedBy: 'app.kubernetes.io/managed-by',
  component: 'app.kubernetes.io/component',
  uid: `${API_GROUP}/uid`,
  name: `${API_GROUP}/name`,
  stage: `${API_GROUP}/stage`,
  attempt: `${API_GROUP}/attempt`,
  /** Left out on an Indexed Job, whose pods tell their shard by {@link COMPLETION_INDEX}. */
  shard: `${API_GROUP}/shard`,
  try: `${API_GROUP}/try`,
} as const;

export const MANAGER = 'mediajob-operator';
export const RUN_COMPONENT = 'run';

/** Selects the Jobs and pods of runs. */
export const RUN_SELECTOR = `${Label.managedBy}=${MANAGER},${Label.component}=${RUN_COMPONENT}`;

/** Annotations of Jobs. */
export const JobAnnotation = {
  /** JSON of the Tally that the run began with. */
  tally: `${API_GROUP}/tally`,
  /** Why it was asked to stop: its end is no failure. */
  stop: `${API_GROUP}/stop`,
  /** "true": its outcome is in the status; its record may go. */
  recorded: `${API_GROUP}/recorded`,
  /** Hash of the pod that the operator of its time would make; never a reason to touch it. */
  templateHash: `${API_GROUP}/template-hash`,
} as const;

/** What Kubernetes puts on the pods of an Indexed Job, as an annotation and as a label. */
export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';

export const MEDIAJOB_FINALIZER = `${API_GROUP}/files`;

/** Field managers of a MediaJob's status: one a writer. */
export const FieldManager = { status: 'mediajob-operator', progress: 'mediajob-progress' } as const;

/** @param key without `shard` for the Indexed Job of all first tries */
export function runLabels(
  job: { readonly name: string; readonly uid: JobId },
  key: Omit<RunKey, 'shard'> & { readonly shard?: number },
): Record<string, string> {
  return {
    [Label.managedBy]: MANAGER,
    [Label.component]: RUN_COMPONENT,
    [Label.uid]: job.uid,
    [Label.name]: job.name,
    [Label.stage]: key.stage,
    [Label.attempt]: String(key.attempt),
    ...(key.shard !== undefined && { [Label.shard]: String(key.shard) }),
    [Label.try]: String(key.try),
  };
}

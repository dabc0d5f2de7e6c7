import { API_GROUP, type JobId, KIND, type RunKey, STAGES, type StageName } from '@mediajob/contract';
import { controllerOf, type Job, type JobCondition, type KubeObject } from '@mediajob/kube';
import { NO_TALLY, type Tally } from '@mediajob/pipeline';
import { z } from 'zod';
import { JobAnnotation, Label } from './labels.js';

/** Which MediaJob a Job is for: its controller, or, of a cleanup, which outlives it, what its label says. */
export function mediaJobUid(job: KubeObject): string | undefined {
  const owner = controllerOf(job);
  if (owner !== undefined) {
    return owner.kind === KIND && owner.apiVersion.startsWith(`${API_GROUP}/`) ? owner.uid : undefined;
  }
  return job.metadata.labels?.[Label.stage] === 'cleanup' ? job.metadata.labels[Label.uid] : undefined;
}

export function belongsTo(job: KubeObject, uid: JobId): boolean {
  return mediaJobUid(job) === uid;
}

/** The run of a Job, without its shard when it is the Indexed Job of all of them; undefined for one that is not ours. */
export function keyOfJob({ metadata }: KubeObject): (Omit<RunKey, 'shard'> & { readonly shard?: number }) | undefined {
  const { labels = {} } = metadata;
  const stage = STAGES.find((name) => name === labels[Label.stage]) as StageName | undefined;
  const attempt = whole(labels[Label.attempt]);
  const tried = whole(labels[Label.try]);
  const shard = whole(labels[Label.shard]);
  if (stage === undefined || attempt === undefined || tried === undefined) return undefined;
  return { stage, attempt, try: tried, ...(shard !== undefined && { shard }) };
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

export function isIndexed(job: Job): boolean {
  return job.spec.completionMode === 'Indexed';
}

export function holds(job: Job, type: JobCondition['type']): boolean {
  return job.status?.conditions?.some((it) => it.type === type && it.status === 'True') === true;
}

export function hasFinished(job: Job): boolean {
  return holds(job, 'Complete') || holds(job, 'Failed');
}

/** The Job controller has seen the suspension, and no pod of the Job is left that could write anything. */
export function isQuiet(job: Job): boolean {
  const { active = 0, terminating = 0 } = job.status ?? {};
  return job.spec.suspend === true && holds(job, 'Suspended') && active === 0 && terminating === 0;
}

export function isRecorded(job: KubeObject): boolean {
  return job.metadata.annotations?.[JobAnnotation.recorded] === 'true';
}

export function stopAsked(job: KubeObject): boolean {
  return job.metadata.annotations?.[JobAnnotation.stop] !== undefined;
}

/** `1,3-5,7` → 1, 3, 4, 5, 7 */
export function indexesOf(text: string | undefined): ReadonlySet<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? '').split(',')) {
    const [first, last = first] = part.split('-').map(whole);
    if (first === undefined || last === undefined) continue;
    for (let index = first; index <= last; index++) indexes.add(index);
  }
  return indexes;
}

const count = z.number().min(0);
const TallySchema = z.strictObject({
  counted: count,
  idle: count,
  storageWaits: count,
  modelWaits: count,
  bestFraction: count.max(1),
  memoryFactor: count,
  avoidNodes: z.array(z.string().max(253)).max(64),
  cpuSeconds: count,
  maxRssBytes: count,
});

/** What the tries before a Job add up to; nothing, when somebody has spoilt the annotation. */
export function tallyOf({ metadata }: KubeObject): Tally {
  try {
    return TallySchema.parse(JSON.parse(metadata.annotations?.[JobAnnotation.tally] ?? ''));
  } catch {
    return NO_TALLY;
  }
}

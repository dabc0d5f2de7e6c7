import { type MediaJobStatus, PHASES, type Phase, type StageStatus } from '@mediajob/contract';
import type { Job } from '@mediajob/kube';
import type { JobEvent } from '@mediajob/pipeline';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { keyOfJob } from './jobs.js';

/** Seconds, from a moment to the 37 hours that a WAV may have. */
const SECONDS = [1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400];

/** What MediaJobs do, counted. Labels are words of the contract, never names or ids: those have no bound. */
export class JobMetrics {
  readonly #stageSeconds: Histogram<'stage'>;
  readonly #waitSeconds: Histogram<'stage'>;
  readonly #realtimeFactor: Histogram;
  readonly #failures: Counter<'reason'>;
  readonly #ended: Counter<'phase'>;
  readonly #jobSeconds: Histogram;

  /** @param phases of all MediaJobs there are, as they were last seen */
  constructor(registry: Registry, phases: () => Iterable<{ readonly phase: Phase }>) {
    const registers = [registry];
    new Gauge({
      name: 'mediajob_jobs',
      help: 'Jobs in each phase.',
      labelNames: ['phase'],
      registers,
      collect() {
        const counts = new Map<Phase, number>();
        for (const { phase } of phases()) counts.set(phase, (counts.get(phase) ?? 0) + 1);
        for (const phase of PHASES) this.set({ phase }, counts.get(phase) ?? 0);
      },
    });
    this.#stageSeconds = new Histogram({
      name: 'mediajob_stage_duration_seconds',
      help: 'Time from the start of a stage to its success, in an attempt.',
      labelNames: ['stage'],
      buckets: SECONDS,
      registers,
    });
    this.#waitSeconds = new Histogram({
      name: 'mediajob_queue_wait_seconds',
      help: 'Time from making the Job of a stage to the start of its first pod.',
      labelNames: ['stage'],
      buckets: SECONDS,
      registers,
    });
    this.#realtimeFactor = new Histogram({
      name: 'mediajob_realtime_factor',
      help: 'Seconds of audio transcribed per second, of jobs that succeeded.',
      buckets: [0.5, 1, 2, 5, 10, 20, 50, 100, 200],
      registers,
    });
    this.#failures = new Counter({
      name: 'mediajob_failures_total',
      help: 'Runs that ended badly, by reason; what repeats without using up a retry counts once an attempt.',
      labelNames: ['reason'],
      registers,
    });
    this.#ended = new Counter({
      name: 'mediajob_jobs_ended_total',
      help: 'Attempts of jobs that ended, by phase.',
      labelNames: ['phase'],
      registers,
    });
    this.#jobSeconds = new Histogram({
      name: 'mediajob_job_seconds',
      help: 'Time from the start of an attempt to its success.',
      buckets: SECONDS,
      registers,
    });
  }

  /** Counts the step from one written status to the next. */
  count(before: MediaJobStatus, after: MediaJobStatus, events: readonly JobEvent[], jobs: Iterable<Job>): void {
    for (const { failure } of events) if (failure !== undefined) this.#failures.inc({ reason: failure });
    const made = earliest(jobs);
    for (const stage of after.stages) {
      const old = before.stages.find((it) => it.name === stage.name && it.attempt === stage.attempt);
      if (old?.startedAt === undefined && stage.startedAt !== undefined) {
        const at = made.get(`${stage.name}/${stage.attempt}`);
        if (at !== undefined) observe(this.#waitSeconds, { stage: stage.name }, at, stage.startedAt);
      }
      if (hasSucceeded(stage) && old?.state !== 'Succeeded' && stage.startedAt !== undefined) {
        observe(this.#stageSeconds, { stage: stage.name }, stage.startedAt, stage.finishedAt);
      }
    }
    if (after.finishedAt === undefined || before.finishedAt !== undefined) return;
    this.#ended.inc({ phase: after.phase });
    if (after.phase !== 'Succeeded') return;
    const { realtimeFactor } = after.progress;
    if (realtimeFactor !== undefined && realtimeFactor > 0) this.#realtimeFactor.observe(realtimeFactor);
    if (after.startedAt !== undefined) observe(this.#jobSeconds, {}, after.startedAt, after.finishedAt);
  }
}

function hasSucceeded(stage: StageStatus): stage is StageStatus & { finishedAt: string } {
  return stage.state === 'Succeeded' && stage.finishedAt !== undefined;
}

function observe<Labels extends string>(
  histogram: Histogram<Labels>,
  labels: Partial<Record<Labels, string>>,
  from: string,
  to: string,
): void {
  histogram.observe(labels, Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000));
}

/** When the first Job of each stage and attempt was made. */
function earliest(jobs: Iterable<Job>): Map<string, string> {
  const made = new Map<string, string>();
  for (const job of jobs) {
    const key = keyOfJob(job);
    if (key === undefined) continue;
    const id = `${key.stage}/${key.attempt}`;
    const at = job.metadata.creationTimestamp;
    const before = made.get(id);
    if (before === undefined || at < before) made.set(id, at);
  }
  return made;
}

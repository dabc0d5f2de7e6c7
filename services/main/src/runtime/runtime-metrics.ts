import { type MediaJob, PHASES } from '@mediajob/contract';
import type { JobEvent } from '@mediajob/pipeline';
import { Counter, Gauge, Histogram, type Registry } from '@mediajob/service';
import type { JobStore } from './job-store.js';

/** Counts what jobs do. Labels are words of the contract, never names or ids. */
export function runtimeMetrics(
  registry: Registry,
  store: () => JobStore,
): (job: MediaJob, events: readonly JobEvent[]) => void {
  const registers = [registry];
  new Gauge({
    name: 'mediajob_jobs',
    help: 'Jobs in each phase.',
    labelNames: ['phase'],
    registers,
    collect() {
      const counts = store().phases();
      for (const phase of PHASES) this.set({ phase }, counts[phase] ?? 0);
    },
  });
  const ended = new Counter({
    name: 'mediajob_jobs_ended_total',
    help: 'Attempts of jobs that ended, by phase.',
    labelNames: ['phase'],
    registers,
  });
  const failures = new Counter({
    name: 'mediajob_failures_total',
    help: 'Runs that ended badly, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const seconds = new Histogram({
    name: 'mediajob_job_seconds',
    help: 'Time from the start of an attempt to its success.',
    buckets: [1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400],
    registers,
  });
  return ({ status }, events) => {
    for (const { failure } of events) if (failure !== undefined) failures.inc({ reason: failure });
    if (events.length === 0 || status.finishedAt === undefined) return;
    ended.inc({ phase: status.phase });
    if (status.phase === 'Succeeded' && status.startedAt !== undefined) {
      seconds.observe((Date.parse(status.finishedAt) - Date.parse(status.startedAt)) / 1000);
    }
  };
}

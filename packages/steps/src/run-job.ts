import type { StageName, StepOutcome, StepProgress, Usage } from '@mediajob/contract';
import type { StepLogger } from './context.js';
import { type Entry, type EntryDependencies, runEntry } from './entry.js';
import { failureOf } from './failure.js';
import { requestOf } from './job-arguments.js';
import { type StepTools, stepToolsOf } from './job-context.js';
import { ProgressPoster } from './progress-poster.js';
import { httpsSender, progressTargetOf } from './progress-target.js';
import { runStep } from './run-step.js';

/** Progress goes to the log this often: a long run would write thousands of lines. */
const PROGRESS_EVERY_MS = 5_000;

/** Tells what a run and its children use; the meter of packages/service is one. */
export interface JobMeter {
  measure<T>(work: (usage: () => Usage | undefined) => Promise<T>): Promise<T>;
}

export interface JobDependencies extends EntryDependencies {
  /** Where the run's tools come from; the environment when left out. */
  tools?(stage: StageName, env: NodeJS.ProcessEnv, log: StepLogger): StepTools;
  /** Without one the outcome says nothing of what was used. */
  meter?: JobMeter;
}

/**
 * The `job` entry of an image: one step, then the end, as {@link runEntry} tells it.
 * SIGTERM keeps what is finished and ends with 143, never with 0.
 * @returns the exit code of the contract; never throws
 */
export function runJob(argv: readonly string[], env: NodeJS.ProcessEnv, deps: JobDependencies = {}): Promise<number> {
  const meter = deps.meter ?? NO_METER;
  return runEntry(env, deps, async (entry) => {
    let usage: () => Usage | undefined = () => undefined;
    const outcome = await meter.measure((asked) => {
      usage = asked;
      return outcomeOf(argv, env, deps, entry, usage);
    });
    // Only now has everything ended that is to be counted.
    const used = usage();
    return used === undefined ? outcome : { ...outcome, usage: used };
  });
}

const NO_METER: JobMeter = { measure: (work) => work(() => undefined) };

async function outcomeOf(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  deps: JobDependencies,
  { signal, log, now }: Entry,
  usage: () => Usage | undefined,
): Promise<StepOutcome> {
  let tools: StepTools | undefined;
  let reports: Reports | undefined;
  try {
    const request = await requestOf(argv, env);
    tools = (deps.tools ?? stepToolsOf)(request.stage, env, log);
    reports = reportsOf(env, request.runId, usage, log);
    const progress = toldProgress(log, now, reports);
    return { result: await runStep(request, { ...tools, signal, log, progress, now }) };
  } catch (error) {
    return { failure: failureOf(error) };
  } finally {
    await Promise.all([tools?.engines?.close(), reports?.close()]);
  }
}

type Reports = Pick<ProgressPoster, 'report' | 'close'>;

function reportsOf(
  env: NodeJS.ProcessEnv,
  runId: string,
  usage: () => Usage | undefined,
  log: StepLogger,
): Reports | undefined {
  const target = progressTargetOf(env, log);
  if (target === undefined) return undefined;
  const { send, close } = httpsSender(target);
  const poster = new ProgressPoster({ runId, send, usage, log });
  return { report: (progress) => poster.report(progress), close: () => poster.close().finally(close) };
}

function toldProgress(
  log: StepLogger,
  now: () => Date,
  reports: Reports | undefined,
): (progress: StepProgress) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (progress) => {
    reports?.report(progress);
    const nowMs = now().getTime();
    if (progress.fraction < 1 && nowMs - lastMs < PROGRESS_EVERY_MS) return;
    lastMs = nowMs;
    log.info({ progress }, 'progress');
  };
}

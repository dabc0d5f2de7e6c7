import { ExitCode, type StageName, type StepOutcome, type StepProgress } from '@mediajob/contract';
import { overwriteMountedFile } from '@mediajob/storage';
import type { StepLogger } from './context.js';
import { failureOf } from './failure.js';
import { requestOf } from './job-arguments.js';
import { type StepTools, stepToolsOf } from './job-context.js';
import { lineLogger } from './log-lines.js';
import { runStep } from './run-step.js';

/** Progress goes to the log this often: a long run would write thousands of lines. */
const PROGRESS_EVERY_MS = 5_000;
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

export interface JobDependencies {
  /** Where the run's tools come from; the environment when left out. */
  tools?(stage: StageName, env: NodeJS.ProcessEnv, log: StepLogger): StepTools;
  stdout?(text: string): void;
  stderr?(text: string): void;
  /** Where SIGTERM arrives. */
  signals?: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  now?(): Date;
}

/**
 * The `job` entry of an image: one step, then the end. Logs and progress are JSON lines on stderr; the last line on
 * stdout is the StepOutcome, which also goes to the file MEDIAJOB_TERMINATION_LOG names.
 * SIGTERM keeps what is finished and ends with 143, never with 0.
 * @returns the exit code of the contract; never throws
 */
export async function runJob(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  deps: JobDependencies = {},
): Promise<number> {
  const stdout = deps.stdout ?? ((text) => void process.stdout.write(text));
  const stderr = deps.stderr ?? ((text) => void process.stderr.write(text));
  const signals = deps.signals ?? process;
  const now = deps.now ?? (() => new Date());
  const level = env.MEDIAJOB_LOG_LEVEL;
  const log = lineLogger(stderr, level === undefined ? { now } : { level, now });

  const stop = new AbortController();
  const onStop = (): void => stop.abort(new DOMException('The job was asked to stop.', 'AbortError'));
  for (const signal of STOP_SIGNALS) signals.on(signal, onStop);
  let outcome: StepOutcome;
  let tools: StepTools | undefined;
  try {
    const request = await requestOf(argv, env);
    tools = (deps.tools ?? stepToolsOf)(request.stage, env, log);
    const progress = loggedProgress(log, now);
    const result = await runStep(request, { ...tools, signal: stop.signal, log, progress, now });
    // Told to stop just as it finished: the next run finds it finished. Never 0 after a signal.
    stop.signal.throwIfAborted();
    outcome = { result };
  } catch (error) {
    outcome = { failure: failureOf(error) };
  }
  await tools?.engines?.close();
  for (const signal of STOP_SIGNALS) signals.off(signal, onStop);

  const line = JSON.stringify(outcome);
  await writeTerminationMessage(line, env, log);
  stdout(`${line}\n`);
  return 'failure' in outcome ? outcome.failure.exitCode : ExitCode.Succeeded;
}

function loggedProgress(log: StepLogger, now: () => Date): (progress: StepProgress) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (progress) => {
    const nowMs = now().getTime();
    if (progress.fraction < 1 && nowMs - lastMs < PROGRESS_EVERY_MS) return;
    lastMs = nowMs;
    log.info({ progress }, 'progress');
  };
}

/** Where it cannot be written the exit code still tells, and the step's manifest has the result. */
async function writeTerminationMessage(line: string, env: NodeJS.ProcessEnv, log: StepLogger): Promise<void> {
  if (!env.MEDIAJOB_TERMINATION_LOG) return;
  try {
    await overwriteMountedFile(env.MEDIAJOB_TERMINATION_LOG, line);
  } catch (error) {
    log.warn({ err: error }, 'the termination message could not be written');
  }
}

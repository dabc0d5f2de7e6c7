import { ExitCode, STEP_OUTCOME_MAX_BYTES, type StepOutcome } from '@mediajob/contract';
import { overwriteMountedFile } from '@mediajob/storage';
import type { StepLogger } from './context.js';
import { failureOf } from './failure.js';
import { lineLogger } from './log-lines.js';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** What the entries of an image take from outside, so that a test can run them in its own process. */
export interface EntryDependencies {
  stdout?(text: string): void;
  stderr?(text: string): void;
  /** Where SIGTERM arrives. */
  signals?: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
  now?(): Date;
}

/** What an entry works with. */
export interface Entry {
  /** Aborted by SIGTERM. */
  readonly signal: AbortSignal;
  readonly log: StepLogger;
  now(): Date;
}

/**
 * An entry of an image: one piece of work in a process of its own. Logs are JSON lines on stderr; the last line on stdout
 * is the StepOutcome, which also goes to the file MEDIAJOB_TERMINATION_LOG names. Work that gives no outcome has nothing
 * to tell but that it is done. SIGTERM ends with 143, never with 0.
 * @returns the exit code of the contract; never throws
 */
export async function runEntry(
  env: NodeJS.ProcessEnv,
  deps: EntryDependencies,
  work: (entry: Entry) => Promise<StepOutcome | undefined>,
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
  let outcome: StepOutcome | undefined;
  try {
    outcome = await work({ signal: stop.signal, log, now });
    // Told to stop just as it finished: the next run finds it finished. Never 0 after a signal.
    if (outcome === undefined || 'result' in outcome) stop.signal.throwIfAborted();
  } catch (error) {
    const { usage } = outcome ?? {};
    outcome = { failure: failureOf(error), ...(usage === undefined ? {} : { usage }) };
  }
  for (const signal of STOP_SIGNALS) signals.off(signal, onStop);

  if (outcome === undefined) return ExitCode.Succeeded;
  const line = outcomeLine(outcome);
  await writeTerminationMessage(line, env, log);
  stdout(`${line}\n`);
  return 'failure' in outcome ? outcome.failure.exitCode : ExitCode.Succeeded;
}

/**
 * An outcome as JSON of at most {@link STEP_OUTCOME_MAX_BYTES}: of a longer message Kubernetes keeps only the end, which
 * is no JSON. A result is short by itself; what a failure says is cut.
 */
export function outcomeLine(outcome: StepOutcome): string {
  const line = JSON.stringify(outcome);
  const tooMany = Buffer.byteLength(line) - STEP_OUTCOME_MAX_BYTES;
  if (tooMany <= 0 || !('failure' in outcome)) return line;
  const { message } = outcome.failure;
  // A character takes one to six bytes: half of what is there is never too little to try, and soon short enough.
  const kept = Math.max(Math.floor(message.length / 2), message.length - tooMany - 1);
  const cut = `${message.slice(0, kept).replace(/[\ud800-\udbff]$/, '')}…`;
  return outcomeLine({ ...outcome, failure: { ...outcome.failure, message: cut } });
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

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ExitCode } from '@mediajob/contract';
import { formatBytes, StorageError, StorageFullError } from '@mediajob/storage';
import { ModelError } from './model-error.js';
import { type PullProgress, pullModel } from './pull.js';
import { installedModel, modelStatus, removeModel, verifyModel } from './store.js';

/** What the commands need of the process; tests give their own. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

const USAGE = `Usage: mediajob-models COMMAND [NAME…] [options]

  pull NAME…      fetch models, check and install them; goes on where an earlier attempt stopped
  list            the catalog, and what of it is installed
  verify [NAME…]  read installed models and compare their checksums; all when none is named
  remove NAME…    remove models

  --dir DIR              where the models are (MEDIAJOB_MODELS_DIR, else <MEDIAJOB_DATA_DIR>/models)
  --quantization KIND    pull: q8_0 (default; half the size) or f16
  --source WHERE         pull: a directory or web address with ggml-<name>.bin files to ask first
                         (MEDIAJOB_MODEL_SOURCE)
`;

/** Lines of progress come at most this often where nobody looks at a terminal. */
const PROGRESS_EVERY_MS = 2000;

/**
 * The command line `mediajob-models`.
 * @returns the exit code of the contract: 64 wrong arguments, 73 disk full, 74 storage, 78 model cannot be had or is
 * damaged, 143 interrupted
 */
export async function runModelsCommand(argv: readonly string[], at: Surroundings): Promise<number> {
  try {
    return await dispatch(argv, at);
  } catch (error) {
    at.err(error instanceof Error ? error.message : String(error));
    return exitCodeOf(error);
  }
}

class UsageError extends Error {
  readonly code = 'usage';
}

async function dispatch(argv: readonly string[], at: Surroundings): Promise<number> {
  const { values, positionals } = parse(argv);
  const [command, ...names] = positionals;
  const directory = values.dir ?? at.env.MEDIAJOB_MODELS_DIR ?? join(at.env.MEDIAJOB_DATA_DIR ?? 'data', 'models');
  if (values.help) {
    at.out(USAGE);
    return ExitCode.Succeeded;
  }
  if (command !== undefined && ['pull', 'remove'].includes(command) && names.length === 0)
    throw new UsageError(`Which model? For example: mediajob-models ${command} base`);
  switch (command) {
    case 'pull': {
      const { quantization } = values;
      if (quantization !== undefined && quantization !== 'f16' && quantization !== 'q8_0')
        throw new UsageError(`--quantization must be q8_0 or f16, not ${JSON.stringify(quantization)}.`);
      for (const name of names) {
        const model = await pullModel(directory, name, {
          quantization,
          source: values.source ?? at.env.MEDIAJOB_MODEL_SOURCE,
          signal: at.signal,
          onProgress: progressPrinter(at.out),
          onNote: at.err,
        });
        at.out(`${name}: installed, ${model.quantization}, ${formatBytes(model.bytes)}, ${model.path}`);
      }
      return ExitCode.Succeeded;
    }
    case 'list':
      for (const it of await modelStatus(directory, at.env.MEDIAJOB_DEFAULT_MODEL)) {
        const state = it.installed ? 'installed' : '-';
        at.out(
          `${it.name.padEnd(15)} ${state.padEnd(10)} ${formatBytes(it.bytes).padStart(9)}  ${`${it.languages} language${it.languages === 1 ? '' : 's'}`.padEnd(13)} ${it.description}`,
        );
      }
      return ExitCode.Succeeded;
    case 'verify':
      return await verifyAll(directory, names, at);
    case 'remove':
      for (const name of names)
        at.out((await removeModel(directory, name, at)) ? `${name}: removed` : `${name}: was not there`);
      return ExitCode.Succeeded;
    default:
      throw new UsageError(
        command === undefined ? USAGE : `There is no command ${JSON.stringify(command)}.\n\n${USAGE}`,
      );
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        dir: { type: 'string' },
        quantization: { type: 'string' },
        source: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}\n\n${USAGE}`, { cause: error });
  }
}

async function verifyAll(directory: string, names: readonly string[], at: Surroundings): Promise<number> {
  const wanted = names.length > 0 ? names : await installedNames(directory);
  if (wanted.length === 0) at.out(`No model is installed in ${directory}.`);
  let worst: number = ExitCode.Succeeded;
  for (const name of wanted)
    try {
      const model = await verifyModel(directory, name, at);
      at.out(`${name}: ok, ${model.quantization}, sha256 ${model.sha256}`);
    } catch (error) {
      if (!(error instanceof ModelError) || error.code === 'interrupted') throw error;
      at.err(`${name}: ${error.message}`);
      worst = exitCodeOf(error);
    }
  return worst;
}

async function installedNames(directory: string): Promise<string[]> {
  const names: string[] = [];
  // A file that does not fit its record is not installed, and is just what verify is for.
  for (const { name, installed } of await modelStatus(directory))
    if (installed || (await installedModel(directory, name)) !== undefined) names.push(name);
  return names;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return ExitCode.InvalidArguments;
  if (error instanceof StorageFullError) return ExitCode.StorageFull;
  if (error instanceof StorageError) return ExitCode.StorageError;
  if (!(error instanceof ModelError)) return ExitCode.Internal;
  switch (error.code) {
    case 'unknown-model':
      return ExitCode.InvalidArguments;
    case 'interrupted':
      return ExitCode.Interrupted;
    default:
      return ExitCode.ModelUnavailable;
  }
}

/** One line when a step begins and ends, and some between. */
function progressPrinter(out: (line: string) => void): (progress: PullProgress) => void {
  let step = '';
  let printedAt = 0;
  return (progress) => {
    if (progress.step === 'installed') return;
    const begins = progress.step !== step;
    if (!begins && performance.now() - printedAt < PROGRESS_EVERY_MS && progress.fraction !== 1) return;
    if (!begins && progress.fraction === undefined) return;
    step = progress.step;
    printedAt = performance.now();
    const share = progress.fraction === undefined ? '' : ` ${Math.floor(progress.fraction * 100)} %`;
    const bytes = progress.bytes === undefined ? '' : ` (${formatBytes(progress.bytes)})`;
    out(`${progress.model}: ${step}${share}${bytes}`);
  };
}

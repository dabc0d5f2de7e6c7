import { resolve } from 'node:path';
import { JobId, MediaPath, StageName } from '@mediajob/contract';
import { checkAccess, DocumentError, isRefusedByOwner, ownershipError, readManifest, Volume } from '@mediajob/storage';
import { type EntryDependencies, runEntry } from './entry.js';
import { stepError } from './failure.js';
import { isGone, sourceGone } from './source.js';

export const PREPARE_USAGE = 'Usage: prepare --job UID [--source PATH [--stage NAME]]';

interface Preparation {
  jobId: JobId;
  /** Path on the volume; left out by stages that read only what an earlier one made. */
  source: string | undefined;
  /** What reads the source. */
  stage: StageName | undefined;
}

/**
 * The `prepare` entry of an image: what a pod's init container runs. It alone sees the whole volume, so it does little:
 * it looks that the source is a plain file that can be read, without following a link and without looking into it, and
 * makes the job's own directories, which are all that the main container then gets. A failure is told as a StepOutcome.
 * Of a stage that says it is finished the source may be gone: the step then gives its result again, without it.
 * @returns the exit code of the contract; never throws
 */
export function prepare(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  deps: EntryDependencies = {},
): Promise<number> {
  return runEntry(env, deps, async ({ signal, log }) => {
    const preparation = preparationOf(argv);
    const { jobId, source, stage } = preparation;
    const volume = new Volume(resolve(env.MEDIAJOB_DATA_DIR || 'data'));
    if (source !== undefined) await checkSource(volume, { ...preparation, source });
    signal.throwIfAborted();
    const { layout } = volume;
    for (const directory of [layout.work(jobId), layout.outputs(jobId)]) {
      await makeOwn(volume, directory);
      signal.throwIfAborted();
    }
    log.info({ jobId, source, stage }, 'prepared');
    return undefined;
  });
}

const OPTIONS = new Set(['--job', '--source', '--stage']);

function preparationOf(argv: readonly string[]): Preparation {
  const given: Record<string, string | undefined> = {};
  for (let at = 0; at < argv.length; at += 2) {
    const [option = '', value] = argv.slice(at, at + 2);
    if (!OPTIONS.has(option)) throw invalid(`${option} is not known.`);
    if (given[option] !== undefined) throw invalid(`${option} is given twice.`);
    if (value === undefined) throw invalid(`${option} needs a value.`);
    given[option] = value;
  }
  const jobId = JobId.safeParse(given['--job']);
  if (!jobId.success) throw invalid('--job must be the UID of a MediaJob.', jobId.error);
  // The same rule as for a MediaJob: nobody's source is another job's work.
  const source = MediaPath.optional().safeParse(given['--source']);
  if (!source.success) throw invalid(`--source ${source.error.issues[0]?.message ?? 'is not valid'}.`, source.error);
  const stage = StageName.optional().safeParse(given['--stage']);
  if (!stage.success) throw invalid('--stage is none of ours.', stage.error);
  return { jobId: jobId.data, source: source.data, stage: stage.data };
}

function invalid(message: string, cause?: unknown) {
  return stepError('InvalidArguments', `${message} ${PREPARE_USAGE}`, cause);
}

async function checkSource(volume: Volume, { jobId, source, stage }: Preparation & { source: string }): Promise<void> {
  try {
    const file = await volume.open(source);
    await file.close();
  } catch (error) {
    if (await isGone(volume, source, error)) {
      if (stage !== undefined && (await isFinished(volume, jobId, stage))) return;
      throw sourceGone(source);
    }
    if (isRefusedByOwner(error)) throw await ownershipError(volume, source, 'read', error);
    throw error;
  }
}

/** By its own manifest; whether that can be relied on is for the step to judge, who ends with 66 when it cannot. */
async function isFinished(volume: Volume, jobId: JobId, stage: StageName): Promise<boolean> {
  try {
    return (await readManifest(volume, volume.layout.stepManifest(jobId, stage))) !== undefined;
  } catch (error) {
    if (error instanceof DocumentError) return false;
    throw error;
  }
}

async function makeOwn(volume: Volume, directory: string): Promise<void> {
  try {
    await volume.ensureDirectory(directory);
  } catch (error) {
    if (isRefusedByOwner(error)) throw await ownershipError(volume, directory, 'write', error);
    throw error;
  }
  await checkAccess(volume, directory, 'write');
}

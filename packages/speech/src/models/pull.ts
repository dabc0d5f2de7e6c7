import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { errnoOf, formatBytes, freeSpace, StorageFullError, storageErrorOf, withAtomicFile } from '@mediajob/storage';
import { type CatalogModel, findModel } from './catalog.js';
import { directorySize } from './directory-size.js';
import { digestOf } from './download.js';
import { readGgml } from './ggml-file.js';
import { ModelError } from './model-error.js';
import { takeLock } from './pull-lock.js';
import { quantizeQ8 } from './quantize.js';
import { type AnySource, type ObtainOptions, obtain, prepareDirectory, spaceOf } from './sources.js';
import {
  describeMismatch,
  type InstalledModel,
  installedModel,
  lockPath,
  modelPath,
  pullDirectory,
  recordPath,
  removeLeftovers,
  writeRecord,
} from './store.js';

export type PullStep = 'waiting' | 'downloading' | 'unpacking' | 'converting' | 'checking' | 'quantizing' | 'installed';

export interface PullProgress {
  readonly model: string;
  readonly step: PullStep;
  /** Share of this step that is done, 0 to 1, where it is known. */
  readonly fraction?: number | undefined;
  /** Bytes downloaded. */
  readonly bytes?: number | undefined;
}

export interface PullOptions {
  /** Left out: whatever is installed will do, and what is fetched becomes q8_0. */
  readonly quantization?: 'f16' | 'q8_0' | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: PullProgress) => void) | undefined;
  /** Sentences for people: which source failed and why, what is tried next. */
  readonly onNote?: ((note: string) => void) | undefined;
  /** A directory or web address to ask first; MEDIAJOB_MODEL_SOURCE when left out. */
  readonly source?: string | undefined;
  /** In place of the catalog's sources. */
  readonly sources?: readonly AnySource[] | undefined;
  readonly tuning?: Pick<ObtainOptions, 'download' | 'wheels'> | undefined;
}

/**
 * Installs a model into `modelsDir`: from the first source that has it, checked, quantized, and visible under its name
 * only when whole. May be killed at any moment and called again: what was downloaded is kept. Several callers at once,
 * of any process or host, take turns, and all but the first find it installed.
 *
 * @throws {ModelError} unknown-model; no-source or bad-checksum when no source worked, naming each with its reason; interrupted
 * @throws StorageFullError, StorageError
 */
export async function pullModel(modelsDir: string, name: string, options: PullOptions = {}): Promise<InstalledModel> {
  const model = findModel(name);
  const report = (step: PullStep, fraction?: number, bytes?: number) =>
    options.onProgress?.({ model: name, step, fraction, bytes });
  const ready = await suitable(modelsDir, name, options);
  if (ready !== undefined) return ready;
  const release = await takeLock(lockPath(modelsDir, name), {
    signal: options.signal,
    onWait: (holder) => {
      options.onNote?.(`${name} is being fetched by ${holder} already; waiting for it.`);
      report('waiting');
    },
  });
  try {
    const found = await suitable(modelsDir, name, options);
    if (found !== undefined) return found;
    await removeLeftovers(modelsDir, name);
    const installed = await pullLocked(modelsDir, model, options, report);
    await rm(pullDirectory(modelsDir, name), { recursive: true, force: true });
    report('installed', 1);
    return installed;
  } finally {
    await release();
  }
}

async function suitable(
  modelsDir: string,
  name: string,
  { quantization }: PullOptions,
): Promise<InstalledModel | undefined> {
  const installed = await installedModel(modelsDir, name);
  return quantization === undefined || installed?.quantization === quantization ? installed : undefined;
}

type Report = (step: PullStep, fraction?: number, bytes?: number) => void;

async function pullLocked(
  modelsDir: string,
  model: CatalogModel,
  options: PullOptions,
  report: Report,
): Promise<InstalledModel> {
  const directory = pullDirectory(modelsDir, model.name);
  await prepareDirectory(directory);
  const failures: ModelError[] = [];
  for (const source of sourcesOf(model, await installedModel(modelsDir, model.name), options)) {
    try {
      return await pullFrom(source, modelsDir, model, options, report);
    } catch (error) {
      if (!(error instanceof ModelError) || error.code === 'interrupted')
        throw storageErrorOf(error, 'writing', directory);
      failures.push(error);
      options.onNote?.(`${model.name}: one source failed. ${error.message}`);
    }
  }
  const allWrong = failures.length > 0 && failures.every((it) => it.code === 'bad-checksum');
  throw new ModelError(
    allWrong ? 'bad-checksum' : 'no-source',
    [
      `The model ${model.name} could not be fetched:`,
      ...failures.map((it) => `  - ${it.message}`),
      `Without a network, put ggml-${model.name}.bin (or another machine's ${model.name}.bin and ${model.name}.json) into a ` +
        'directory and pull again with MEDIAJOB_MODEL_SOURCE naming it.',
    ].join('\n'),
    { cause: failures.at(-1) },
  );
}

function sourcesOf(model: CatalogModel, installed: InstalledModel | undefined, options: PullOptions): AnySource[] {
  const named = options.source ?? (process.env.MEDIAJOB_MODEL_SOURCE || undefined);
  return [
    // What is here as f16 only has to be quantized.
    ...(installed?.quantization === 'f16' ? [{ kind: 'installed', model: installed } as const] : []),
    ...(named === undefined ? [] : [{ kind: 'admin', location: named } as const]),
    ...(options.sources ?? model.sources),
  ];
}

async function pullFrom(
  source: AnySource,
  modelsDir: string,
  model: CatalogModel,
  options: PullOptions,
  report: Report,
): Promise<InstalledModel> {
  const directory = pullDirectory(modelsDir, model.name);
  await admit(modelsDir, model, spaceOf(source, model) + model.bytes.q8_0);
  const {
    path,
    borrowed,
    source: from,
  } = await obtain(source, model, directory, {
    ...options.tuning,
    signal: options.signal,
    onStep: report,
  });
  const file = await readGgml(path);
  const mismatch = describeMismatch(file, model);
  if (mismatch !== undefined) {
    if (!borrowed) await rm(path, { force: true });
    throw new ModelError('bad-model', `${from} is not the model ${model.name}: ${mismatch}.`);
  }
  const wanted = options.quantization ?? 'q8_0';
  // A quantized file of the administrator's is taken as it is, unless another kind was asked for.
  const quantize = file.type === 'f16' && wanted === 'q8_0';
  if (!quantize && options.quantization !== undefined && file.type !== wanted)
    throw new ModelError('bad-model', `${from} holds ${file.type} weights, and ${wanted} was asked for.`);
  const runId = `pull-${randomBytes(4).toString('hex')}`;
  const target = modelPath(modelsDir, model.name);
  // A record that does not fit its file makes it no model; a file without one speaks for itself.
  await rm(recordPath(modelsDir, model.name), { force: true });
  const { bytes, sha256 } = await withAtomicFile(target, { runId }, async (temporary) => {
    if (quantize)
      return await quantizeQ8(path, temporary, {
        signal: options.signal,
        onProgress: (fraction) => report('quantizing', fraction),
      });
    report('checking');
    const produced = { bytes: file.bytes, sha256: await digestOf('sha256', path, { signal: options.signal }) };
    await (borrowed ? copy(path, temporary) : move(path, temporary));
    return produced;
  });
  const quantization = quantize ? 'q8_0' : file.type;
  await writeRecord(
    modelsDir,
    {
      schemaVersion: 1,
      name: model.name,
      bytes,
      sha256,
      quantization,
      source: from,
      installedAt: new Date().toISOString(),
    },
    runId,
  );
  return { name: model.name, path: target, bytes, sha256, quantization, source: from };
}

/** Within one volume by name only; a pull directory that is mounted from elsewhere costs a copy. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'EXDEV') throw storageErrorOf(error, 'writing', to);
    await copy(from, to);
  }
}

async function copy(from: string, to: string): Promise<void> {
  await copyFile(from, to).catch((error: unknown) => {
    throw storageErrorOf(error, 'writing', to);
  });
}

async function admit(modelsDir: string, model: CatalogModel, needed: number): Promise<void> {
  await mkdir(modelsDir, { recursive: true });
  const { totalBytes, freeBytes } = await freeSpace(modelsDir);
  const here = await directorySize(pullDirectory(modelsDir, model.name));
  if (totalBytes === 0 || needed - here <= freeBytes) return;
  throw new StorageFullError(
    `${model.name} needs ${formatBytes(needed - here)} in ${modelsDir} while it is installed, and ${formatBytes(freeBytes)} are free. ` +
      `Free ${formatBytes(needed - here - freeBytes)}, or name another directory with --dir.`,
  );
}

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelStatus } from '@mediajob/contract';
import {
  DocumentError,
  errnoOf,
  isPartialName,
  readJsonIfExists,
  storageErrorOf,
  writeJsonAtomic,
} from '@mediajob/storage';
import { z } from 'zod';
import { type CatalogModel, catalog, findModel } from './catalog.js';
import { digestOf } from './download.js';
import { GGML_TYPES, type GgmlFile, type GgmlType, readGgml } from './ggml-file.js';
import { ModelError } from './model-error.js';
import { takeLock } from './pull-lock.js';

/** <modelsDir>/<name>.json, written beside each model: what it is and where it is from. */
export const ModelRecord = z.strictObject({
  schemaVersion: z.literal(1),
  name: z.string(),
  bytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  quantization: z.enum(Object.keys(GGML_TYPES) as [GgmlType, ...GgmlType[]]),
  source: z.string(),
  installedAt: z.iso.datetime(),
});
export type ModelRecord = z.infer<typeof ModelRecord>;

export interface InstalledModel {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly quantization: GgmlType;
  /** Where it was fetched from; `unknown` for a file that somebody put there by hand. */
  readonly source: string;
}

/** Where a model's weights are: `<modelsDir>/<name>.bin`, in whisper.cpp's format. */
export function modelPath(modelsDir: string, name: string): string {
  return join(modelsDir, `${findModel(name).name}.bin`);
}

export function recordPath(modelsDir: string, name: string): string {
  return join(modelsDir, `${findModel(name).name}.json`);
}

/** What pulls keep between attempts: `<modelsDir>/.pull/<name>`. */
export function pullDirectory(modelsDir: string, name: string): string {
  return join(modelsDir, '.pull', findModel(name).name);
}

export function lockPath(modelsDir: string, name: string): string {
  return `${pullDirectory(modelsDir, name)}.lock`;
}

/**
 * An installed model's record. Cheap: the file's size is looked at, not its bytes; see {@link verifyModel}.
 * A model that somebody copied there without its record is one, too; its sum is then taken, which reads the whole file.
 *
 * @returns undefined when it is not installed, or its file is not the one of its record
 */
export async function installedModel(modelsDir: string, name: string): Promise<InstalledModel | undefined> {
  const path = modelPath(modelsDir, name);
  const bytes = await sizeOf(path);
  if (bytes === undefined) return undefined;
  const record = await readRecord(modelsDir, name);
  if (record !== undefined)
    return record.bytes === bytes
      ? { name, path, bytes, sha256: record.sha256, quantization: record.quantization, source: record.source }
      : undefined;
  const file = await readGgml(path).catch(() => undefined);
  if (file === undefined || describeMismatch(file, findModel(name)) !== undefined) return undefined;
  return { name, path, bytes, sha256: await digestOf('sha256', path), quantization: file.type, source: 'unknown' };
}

/** What GET /v1/models answers: the whole catalog, and what of it is installed. */
export async function modelStatus(modelsDir: string, defaultModel = 'base'): Promise<ModelStatus[]> {
  return await Promise.all(
    catalog.map(async (model) => {
      const bytes = await sizeOf(modelPath(modelsDir, model.name));
      const record = bytes === undefined ? undefined : await readRecord(modelsDir, model.name);
      const installed = bytes !== undefined && (record === undefined || record.bytes === bytes);
      return {
        name: model.name,
        description: model.description,
        languages: model.languages,
        translates: model.translates,
        installed,
        bytes: installed ? bytes : model.bytes.f16,
        downloadable: model.sources.length > 0,
        default: model.name === defaultModel,
      };
    }),
  );
}

/**
 * Reads an installed model whole and compares its sum with the record's.
 * @throws {ModelError} model-missing, bad-checksum, bad-model, interrupted
 */
export async function verifyModel(
  modelsDir: string,
  name: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<InstalledModel> {
  const model = findModel(name);
  const path = modelPath(modelsDir, name);
  const bytes = await sizeOf(path);
  if (bytes === undefined) throw missing(modelsDir, name);
  const file = await readGgml(path);
  const mismatch = describeMismatch(file, model);
  if (mismatch !== undefined)
    throw new ModelError('bad-model', `${path} is not the model ${name}: ${mismatch}. ${again(name)}`);
  const record = await readRecord(modelsDir, name);
  const sha256 = await digestOf('sha256', path, { signal });
  if (record !== undefined && (record.sha256 !== sha256 || record.bytes !== bytes))
    throw new ModelError('bad-checksum', `${path} was damaged or replaced since it was installed. ${again(name)}`);
  return { name, path, bytes, sha256, quantization: file.type, source: record?.source ?? 'unknown' };
}

/**
 * Removes a model and what an unfinished pull of it left. Waits for a pull that is under way.
 * @returns whether there was anything
 */
export async function removeModel(
  modelsDir: string,
  name: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  const path = modelPath(modelsDir, name);
  const partial = pullDirectory(modelsDir, name);
  const there = (await sizeOf(path)) !== undefined || (await stat(partial).catch(() => undefined)) !== undefined;
  if (!there) return false;
  const release = await takeLock(lockPath(modelsDir, name), { signal });
  try {
    // The weights first: a record without weights is no model, weights without a record would be one.
    for (const it of [path, recordPath(modelsDir, name), partial])
      await rm(it, { recursive: true, force: true }).catch((error: unknown) => {
        throw storageErrorOf(error, 'removing', it);
      });
    await removeLeftovers(modelsDir, name);
  } finally {
    await release();
  }
  return true;
}

/** Temporary files of writers that were killed. Only under the lock: otherwise somebody may be at work on one. */
export async function removeLeftovers(modelsDir: string, name: string): Promise<void> {
  for (const entry of await readdir(modelsDir))
    if (isPartialName(entry) && (entry.startsWith(`.${name}.bin.`) || entry.startsWith(`.${name}.json.`)))
      await rm(join(modelsDir, entry), { force: true });
}

export async function writeRecord(modelsDir: string, record: ModelRecord, runId: string): Promise<void> {
  await writeJsonAtomic(recordPath(modelsDir, record.name), record, { runId });
}

async function readRecord(modelsDir: string, name: string): Promise<ModelRecord | undefined> {
  try {
    return await readJsonIfExists(recordPath(modelsDir, name), ModelRecord);
  } catch (error) {
    // Damaged, or another program's: then the file speaks for itself.
    if (error instanceof DocumentError) return undefined;
    throw error;
  }
}

/** What tells a file from the model that it should be, or undefined when nothing does. */
export function describeMismatch(file: GgmlFile, model: CatalogModel): string | undefined {
  for (const [key, wanted] of Object.entries(model.dimensions)) {
    const found = file.dimensions[key as keyof typeof file.dimensions];
    if (found !== wanted) return `${key} is ${found} where ${wanted} is expected`;
  }
  return undefined;
}

/** @returns an error that says how to get the model */
export function missing(modelsDir: string, name: string): ModelError {
  return new ModelError(
    'model-missing',
    `The model ${name} is not in ${modelsDir}. Fetch it: mediajob-models pull ${name}`,
  );
}

function again(name: string): string {
  return `Fetch it again: mediajob-models remove ${name} && mediajob-models pull ${name}`;
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw storageErrorOf(error, 'reading', path);
  }
}

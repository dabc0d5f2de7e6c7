import { lstat } from 'node:fs/promises';
import { Manifest, type VolumePath } from '@mediajob/contract';
import { writeFileAtomic } from './atomic-write.js';
import { sha256Of, sha256OfFile } from './checksum.js';
import { InputNotFoundError, UnsafePathError } from './errors.js';
import { parseDocument, readText } from './json.js';
import type { Volume } from './volume.js';

/** Where a manifest is, and the SHA-256 of its bytes: what a result names. */
export interface ManifestRef {
  path: VolumePath;
  sha256: string;
}

export interface StoredManifest {
  manifest: Manifest;
  ref: ManifestRef;
}

/**
 * Reads a manifest; undefined when there is none.
 * @throws DocumentError when it is damaged or of another version; UnsafePathError, StorageError
 */
export async function readManifest(volume: Volume, path: VolumePath): Promise<StoredManifest | undefined> {
  let text: string;
  try {
    text = await readText(await volume.resolveExisting(path));
  } catch (error) {
    if (error instanceof InputNotFoundError) return undefined;
    throw error;
  }
  return { manifest: parseDocument(path, text, Manifest), ref: { path, sha256: sha256Of(text) } };
}

/**
 * Writes a manifest. Do so last: from then on the step is done.
 * @throws StorageFullError, StorageError
 */
export async function writeManifest(volume: Volume, path: VolumePath, manifest: Manifest): Promise<ManifestRef> {
  const text = `${JSON.stringify(Manifest.parse(manifest), undefined, 1)}\n`;
  await writeFileAtomic(volume.resolve(path), text, { runId: manifest.runId, files: volume.files });
  return { path, sha256: sha256Of(text) };
}

export type Verification = { ok: true } | { ok: false; path: VolumePath; why: string };

/**
 * Whether the files of a manifest are as it says: there, plain files, of the same size and, when `deep`, of the same
 * SHA-256. With a number, only files of at most so many bytes are looked into: the others would take long to read.
 * @throws StorageError when a file cannot be read for another reason than that it is gone or replaced
 */
export async function verifyManifest(
  volume: Volume,
  manifest: Manifest,
  options: { deep?: boolean | number; signal?: AbortSignal } = {},
): Promise<Verification> {
  for (const file of manifest.files) {
    const differs = (why: string): Verification => ({ ok: false, path: file.path, why });
    let path: string;
    try {
      path = await volume.resolveExisting(file.path);
    } catch (error) {
      if (error instanceof InputNotFoundError) return differs('it is gone');
      if (error instanceof UnsafePathError) return differs('it is not a plain file of the volume');
      throw error;
    }
    const { size } = await lstat(path);
    if (size !== file.bytes) return differs(`it has ${size} bytes instead of ${file.bytes}`);
    const deep = typeof options.deep === 'number' ? size <= options.deep : options.deep;
    if (deep && (await sha256OfFile(path, { signal: options.signal })) !== file.sha256) {
      return differs('its checksum is another');
    }
  }
  return { ok: true };
}

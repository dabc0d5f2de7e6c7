import { type Chunk, Part, type Segment, type WhisperLanguage, type Window } from '@mediajob/contract';
import type { Engine } from '@mediajob/speech';
import {
  DocumentError,
  InputNotFoundError,
  parseDocument,
  readText,
  sha256Of,
  sha256OfJson,
  type Volume,
  type VolumeFile,
  writeFileAtomic,
} from '@mediajob/storage';

/** Everything but the chunk that shapes a part. */
export interface PartShape {
  audioSha256: string;
  modelSha256: string;
  /** auto: each chunk has the one that is detected in it. */
  language: WhisperLanguage | 'auto';
  task: 'transcribe' | 'translate';
  prompt: string | undefined;
  /** Left out when there is none: parts of older versions had no such choice. */
  fallbackModel?: string;
  /** Decoding options of the chosen quality. */
  options: object;
}

/**
 * The key of a part. The engine's version is not in it: a job that is resumed after an update goes on instead of
 * beginning anew.
 */
export function partKey(shape: PartShape, chunk: Chunk): string {
  return sha256OfJson({ ...shape, chunk });
}

/** A finished part of this key as a manifest names it, or undefined when there is none that can be used. */
export async function finishedPart(
  volume: Volume,
  jobId: string,
  chunk: Chunk,
  keySha256: string,
): Promise<VolumeFile | undefined> {
  const path = volume.layout.part(jobId, chunk.index);
  try {
    const text = await readText(await volume.resolveExisting(path));
    if (parseDocument(path, text, Part).keySha256 !== keySha256) return undefined;
    return { path, bytes: Buffer.byteLength(text), sha256: sha256Of(text) };
  } catch (error) {
    if (error instanceof InputNotFoundError || error instanceof DocumentError) return undefined;
    throw error;
  }
}

export async function writePart(
  volume: Volume,
  at: { jobId: string; runId: string; keySha256: string },
  made: {
    chunk: Chunk;
    language: WhisperLanguage;
    segments: Segment[];
    omissions: Window[];
    engine: Engine['info'] | undefined;
    model: string;
  },
): Promise<VolumeFile> {
  const path = volume.layout.part(at.jobId, made.chunk.index);
  const part: Part = {
    schemaVersion: 1,
    chunk: made.chunk.index,
    startMs: made.chunk.startMs,
    endMs: made.chunk.endMs,
    keySha256: at.keySha256,
    language: made.language,
    segments: made.segments,
    ...(made.omissions.length > 0 && { omissions: made.omissions }),
    engine: { name: made.engine?.name ?? 'none', version: made.engine?.version ?? '', model: made.model },
  };
  const text = `${JSON.stringify(Part.parse(part))}\n`;
  await writeFileAtomic(volume.resolve(path), text, { runId: at.runId, files: volume.files });
  return { path, bytes: Buffer.byteLength(text), sha256: sha256Of(text) };
}

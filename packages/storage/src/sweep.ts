import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { JobId, type VolumePath } from '@mediajob/contract';
import { isPartialName } from './atomic-write.js';
import { errnoOf, storageErrorOf } from './errors.js';
import { removeTree } from './remove-tree.js';
import type { Volume } from './volume.js';

export interface SweepOptions {
  /** true: only says what it would remove. */
  dryRun: boolean;
  now: Date;
  /** UIDs of all jobs that exist. Left out: directories of jobs are not touched, only old temporary files are. */
  knownJobs?: ReadonlySet<string>;
  /** Younger directories are left alone: their job may be about to appear. Default 1 h. */
  orphanAgeMs?: number;
  /** Younger temporary files are left alone: somebody may be writing them. Default 6 h. */
  partialAgeMs?: number;
  signal?: AbortSignal;
}

export interface SweptEntry {
  path: VolumePath;
  why: 'orphan' | 'partial';
  bytes: number;
}

export interface SweepReport {
  dryRun: boolean;
  /** Removed, or to be removed in a dry run. */
  removed: SweptEntry[];
  bytes: number;
  /** What could not be removed; the rest was done nevertheless. */
  failed: { path: VolumePath; message: string }[];
}

const HOUR_MS = 3_600_000;
/** Where leftovers of ours can be. Not models/: a download that was cut off is taken up again there. */
const SWEPT = ['uploads', 'jobs', 'outputs'] as const;

/**
 * Removes what crashes leave behind: temporary files, and directories of jobs that no longer exist.
 * Links are neither followed nor counted, and only names of ours are ever touched.
 */
export async function sweep(volume: Volume, options: SweepOptions): Promise<SweepReport> {
  const report: SweepReport = { dryRun: options.dryRun, removed: [], bytes: 0, failed: [] };
  const orphanBefore = options.now.getTime() - (options.orphanAgeMs ?? HOUR_MS);
  const partialBefore = options.now.getTime() - (options.partialAgeMs ?? 6 * HOUR_MS);

  const remove = async (entry: SweptEntry): Promise<void> => {
    try {
      if (!options.dryRun) await removeTree(volume, entry.path);
      report.removed.push(entry);
      report.bytes += entry.bytes;
    } catch (error) {
      report.failed.push({ path: entry.path, message: error instanceof Error ? error.message : String(error) });
    }
  };

  for (const top of SWEPT) {
    // A link in place of one of our own directories is nobody's leftover: it is left alone with all behind it.
    if ((await lstat(join(volume.root, top)).catch(() => undefined))?.isDirectory() !== true) continue;
    for (const entry of await list(volume, top)) {
      if (!entry.isDirectory()) continue;
      options.signal?.throwIfAborted();
      const path = `${top}/${entry.name}`;
      const orphan =
        top !== 'uploads' &&
        options.knownJobs !== undefined &&
        JobId.safeParse(entry.name).success &&
        !options.knownJobs.has(entry.name);
      const content = await walk(volume, path);
      if (orphan && content.newestMs < orphanBefore) {
        await remove({ path, why: 'orphan', bytes: content.bytes });
        continue;
      }
      for (const partial of content.partials) {
        if (partial.modifiedMs < partialBefore)
          await remove({ path: partial.path, why: 'partial', bytes: partial.bytes });
      }
    }
  }
  return report;
}

interface Content {
  bytes: number;
  newestMs: number;
  partials: { path: VolumePath; bytes: number; modifiedMs: number }[];
}

async function walk(volume: Volume, path: VolumePath): Promise<Content> {
  const own = await lstat(join(volume.root, path)).catch(() => undefined);
  const content: Content = { bytes: 0, newestMs: own?.mtimeMs ?? Number.POSITIVE_INFINITY, partials: [] };
  for (const entry of await list(volume, path)) {
    const inner = `${path}/${entry.name}`;
    if (entry.isDirectory()) {
      const below = await walk(volume, inner);
      content.bytes += below.bytes;
      content.newestMs = Math.max(content.newestMs, below.newestMs);
      content.partials.push(...below.partials);
    } else if (entry.isFile()) {
      // Gone since it was listed: somebody is at work here, or another sweep was.
      const stats = await lstat(join(volume.root, inner)).catch(() => undefined);
      if (stats === undefined) continue;
      content.bytes += stats.size;
      content.newestMs = Math.max(content.newestMs, stats.mtimeMs);
      if (isPartialName(entry.name)) {
        content.partials.push({ path: inner, bytes: stats.size, modifiedMs: stats.mtimeMs });
      }
    }
  }
  return content;
}

async function list(volume: Volume, path: VolumePath): Promise<Dirent[]> {
  const absolute = join(volume.root, path);
  try {
    return await readdir(absolute, { withFileTypes: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw storageErrorOf(error, 'listing', absolute);
  }
}

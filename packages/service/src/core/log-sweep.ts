import { lstat, readdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';

/** A folder whose process has not touched it for this long belongs to a process that is gone. */
const DEAD_AFTER_MS = 30 * 60_000;
/** Dead folders kept at most: a process that crashes in a loop must not fill the volume with them. */
const KEEP_DEAD = 50;

export interface LogSweepOptions {
  /** logs/<service> */
  serviceFolder: string;
  /** Folder of this very instance, never removed. */
  own: string;
  /** Age in ms at which the logs of a gone instance are removed. */
  ttlMs: number;
  now: Date;
  keepDead?: number;
}

/** Marks the folder of a living instance; must be called more often than every 30 minutes. */
export async function touchLogFolder(folder: string, now: Date): Promise<void> {
  await utimes(folder, now, now);
}

/**
 * Removes the log folders of instances that are gone and older than the TTL, and all but the newest 50 of the rest.
 * Only real folders directly below logs/<service>; links are left alone.
 *
 * @returns names of the removed folders
 */
export async function sweepLogFolders(options: LogSweepOptions): Promise<string[]> {
  const { serviceFolder, own, ttlMs, now } = options;
  const dead: { name: string; ageMs: number }[] = [];
  for (const entry of await readdir(serviceFolder, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === own) continue;
    const touched = await lstat(join(serviceFolder, entry.name)).catch(() => undefined);
    if (touched === undefined) continue;
    const ageMs = now.getTime() - touched.mtimeMs;
    if (ageMs > DEAD_AFTER_MS) dead.push({ name: entry.name, ageMs });
  }
  dead.sort((a, b) => a.ageMs - b.ageMs);
  const removed = dead
    .filter(({ ageMs }, position) => ageMs > ttlMs || position >= (options.keepDead ?? KEEP_DEAD))
    .map(({ name }) => name);
  for (const name of removed) await rm(join(serviceFolder, name), { recursive: true, force: true });
  return removed;
}

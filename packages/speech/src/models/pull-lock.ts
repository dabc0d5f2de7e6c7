import { randomUUID } from 'node:crypto';
import { mkdir, open, rm, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, storageErrorOf } from '@mediajob/storage';
import { ModelError } from './model-error.js';

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once when another process holds the lock and we begin to wait. */
  readonly onWait?: ((holder: string) => void) | undefined;
  /** How often it is tried again. */
  readonly pollMs?: number | undefined;
  /** A holder whose heartbeat stands still for this long is taken for dead. */
  readonly staleMs?: number | undefined;
}

/** Tokens of locks that this process holds: a lock that names our pid but is not among them is from an earlier life. */
const held = new Set<string>();

/**
 * Takes a lock file, waiting for whoever has it. The holder touches the file while it lives; one that was killed is
 * noticed at once when it ran on this host, and otherwise when its heartbeat stands still, which is measured by our own
 * clock, so that hosts need not agree about the time.
 *
 * The lock only saves work: what it guards is installed by rename and checked by sum, so two holders do no harm.
 *
 * @returns how to release it
 * @throws {ModelError} interrupted
 */
export async function takeLock(path: string, options: LockOptions = {}): Promise<() => Promise<void>> {
  const { signal, onWait, pollMs = 500, staleMs = 60_000 } = options;
  await mkdir(dirname(path), { recursive: true }).catch((error: unknown) => {
    throw storageErrorOf(error, 'creating', dirname(path));
  });
  const token = randomUUID();
  let told = false;
  let seen = '';
  let seenAt = 0;
  for (;;) {
    if (signal?.aborted)
      throw new ModelError('interrupted', 'Waiting for another pull was stopped.', { cause: signal.reason });
    if (await create(path, token)) break;
    const state = await look(path);
    if (state === undefined) continue;
    const mark = `${state.text} ${state.mtimeMs}`;
    if (mark !== seen) [seen, seenAt] = [mark, performance.now()];
    if (isDead(state.text) || performance.now() - seenAt >= staleMs) {
      await breakLock(path, state.text, staleMs);
      continue;
    }
    if (!told) onWait?.(state.text.split('\n').slice(0, 2).join(' on '));
    told = true;
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    // Its loss is harmless: see above.
    void utimes(path, now, now).catch(() => undefined);
  }, staleMs / 6);
  heartbeat.unref();
  return async () => {
    clearInterval(heartbeat);
    if ((await look(path))?.text.includes(token)) await rm(path, { force: true });
    // Last: until it is gone nobody of this process may take it for a dead one's.
    held.delete(token);
  };
}

async function create(path: string, token: string): Promise<boolean> {
  // Before it can be read: who reads a token of this process that is not held takes it for one of an earlier life.
  held.add(token);
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(`process ${process.pid}\n${hostname()}\n${token}\n`);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    held.delete(token);
    if (errnoOf(error) === 'EEXIST') return false;
    throw storageErrorOf(error, 'writing', path);
  }
}

async function look(path: string): Promise<{ text: string; mtimeMs: number } | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const { mtimeMs } = await file.stat();
      return { text: await file.readFile('utf8'), mtimeMs };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw storageErrorOf(error, 'reading', path);
  }
}

function isDead(text: string): boolean {
  const [processLine = '', host, token = ''] = text.split('\n');
  const pid = Number(/^process (\d+)$/.exec(processLine)?.[1]);
  if (host !== hostname() || !Number.isInteger(pid)) return false;
  // After a restart a container's process often has the same number as before.
  if (pid === process.pid) return !held.has(token);
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errnoOf(error) === 'ESRCH';
  }
}

/**
 * Removes a dead holder's lock. Breakers take turns and look again, so none removes the lock of who came after the dead
 * one: only its holder and breakers ever remove a lock.
 */
async function breakLock(path: string, text: string, staleMs: number): Promise<void> {
  const turn = `${path}.breaking`;
  const state = await look(turn);
  // Left by a breaker that was killed in its few milliseconds.
  if (state !== undefined && Date.now() - state.mtimeMs > staleMs) await rm(turn, { force: true });
  const token = randomUUID();
  if (!(await create(turn, token))) {
    await sleep(1);
    return;
  }
  try {
    if ((await look(path))?.text === text) await rm(path, { force: true });
  } finally {
    held.delete(token);
    await rm(turn, { force: true });
  }
}

import inspector from 'node:inspector';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

export interface Watchdog {
  stop(): Promise<void>;
}

/**
 * Ends this process by SIGKILL when its event loop has stood still for `timeoutMs`: compose does not restart unhealthy
 * containers, and a process that hangs can no longer end itself. Children end with their parent.
 *
 * A thread of its own counts its ticks between two beats of the main thread. Ticks, not time: a machine that slept, or
 * a process that was stopped and continued, is not a hang. Under a debugger it does nothing.
 *
 * @param timeoutMs 0: never
 */
export function startWatchdog(timeoutMs: number): Watchdog {
  if (timeoutMs <= 0 || inspector.url() !== undefined) return { stop: async () => {} };
  const shared = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const beats = new Int32Array(shared);
  const tickMs = Math.max(10, Math.floor(timeoutMs / TICKS));
  const timer = setInterval(() => Atomics.add(beats, 0, 1), tickMs).unref();
  // Sources run as TypeScript in tests and as JavaScript elsewhere.
  const thread = new Worker(new URL(`./watchdog-thread${extname(import.meta.url)}`, import.meta.url), {
    workerData: { shared, tickMs, ticks: TICKS, timeoutMs, pid: process.pid },
    execArgv: [],
    stdout: false,
    stderr: false,
  });
  thread.unref();
  // A watchdog that cannot run must not take down what it guards.
  thread.on('error', () => clearInterval(timer));
  return {
    async stop() {
      clearInterval(timer);
      await thread.terminate();
    },
  };
}

/** Ticks without a beat after which the loop counts as hung. */
const TICKS = 20;

import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

/** Runs in a thread of its own: see watchdog.ts. */
const { shared, tickMs, ticks, timeoutMs, pid } = workerData as {
  shared: SharedArrayBuffer;
  tickMs: number;
  ticks: number;
  timeoutMs: number;
  pid: number;
};
const beats = new Int32Array(shared);
let last = Atomics.load(beats, 0);
let still = 0;

setInterval(() => {
  const now = Atomics.load(beats, 0);
  still = now === last ? still + 1 : 0;
  last = now;
  if (still < ticks) return;
  const line = {
    level: 'fatal',
    time: new Date().toISOString(),
    pid,
    msg: `the event loop stood still for ${timeoutMs} ms; ending the process so that it is started again`,
  };
  try {
    writeSync(2, `${JSON.stringify(line)}\n`);
  } finally {
    process.kill(pid, 'SIGKILL');
  }
}, tickMs);

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Start time in clock ticks since boot: with it, a process id that is used again is no mistake. 0: unknown or gone. */
function startOf(pid: number): number {
  try {
    // The name, in parentheses, may hold anything; the state comes after it, and the start time 19 fields later.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop()?.split(' ') ?? [];
    return /[ZX]/.test(fields[0] ?? '') ? 0 : Number(fields[19]);
  } catch {
    return 0;
  }
}

function isAlive(pid: number, start: number): boolean {
  if (start > 0) return startOf(pid) === start;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * A temporary directory that names its owner, this process. Those whose owner is gone (killed, so that it could not
 * tidy up) are removed first.
 */
export function ownedDirectory(what: string, parent: string = tmpdir()): string {
  sweep(what, parent);
  return mkdtempSync(join(parent, `mediajob-${what}-${process.pid}-${startOf(process.pid)}-`));
}

function sweep(what: string, parent: string): void {
  const pattern = new RegExp(`^mediajob-${what}-(\\d+)-(\\d+)-`);
  for (const name of readdirSync(parent)) {
    const [, pid, start] = pattern.exec(name) ?? [];
    if (pid === undefined || isAlive(Number(pid), Number(start))) continue;
    rmSync(join(parent, name), { recursive: true, force: true });
  }
}

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOf } from './process-start.ts';

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

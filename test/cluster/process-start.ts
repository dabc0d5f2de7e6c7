import { readFileSync } from 'node:fs';

/**
 * Start time in clock ticks since boot: with it, a process id that is used again is no mistake. 0: unknown or gone, also
 * when it is a zombie that nobody has waited for yet.
 */
export function startOf(pid: number): number {
  try {
    // The name, in parentheses, may hold anything; the state comes after it, and the start time 19 fields later.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop()?.split(' ') ?? [];
    return /[ZX]/.test(fields[0] ?? '') ? 0 : Number(fields[19]);
  } catch {
    return 0;
  }
}

import { spawnSync } from 'node:child_process';

const known = new Map<string, readonly string[]>();

/**
 * Prefix of a command line that lets the kernel end the child when this process ends, however it ends: util-linux's
 * setpriv sets PR_SET_PDEATHSIG and then becomes the program. Empty where there is none (macOS, busybox).
 */
export function deathPrefix(signal: 'TERM' | 'KILL'): readonly string[] {
  const found = known.get(signal);
  if (found) return found;
  const prefix = ['setpriv', '--pdeathsig', signal, '--'];
  const works =
    process.platform === 'linux' &&
    spawnSync('setpriv', [...prefix.slice(1), 'true'], { stdio: 'ignore' }).status === 0;
  known.set(signal, works ? prefix : []);
  return known.get(signal) as readonly string[];
}

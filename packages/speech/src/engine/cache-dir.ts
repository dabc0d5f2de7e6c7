import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * What outlives a checkout: the compiled engine, models. `$MEDIAJOB_CACHE_DIR`, else `$XDG_CACHE_HOME`, else `~/.cache`,
 * and `mediajob` in it.
 */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.MEDIAJOB_CACHE_DIR || env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mediajob');
}

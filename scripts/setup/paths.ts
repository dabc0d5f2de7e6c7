import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What outlives a checkout: Node 24, the compiled engine, models. bootstrap.mjs and packages/speech use the same rule. */
export const CACHE = join(
  process.env.MEDIAJOB_CACHE_DIR ?? process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
  'mediajob',
);

/** Marks of finished steps; inside node_modules, so that removing that starts afresh. */
export const STAMPS = join(ROOT, 'node_modules', '.mediajob');

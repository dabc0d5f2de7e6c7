import { readFileSync } from 'node:fs';
import { z } from 'zod';

const Package = z.object({ version: z.string() });

/**
 * The version in a package.json.
 *
 * @param packageJson such as `new URL('../package.json', import.meta.url)`
 */
export function versionOf(packageJson: URL): string {
  return Package.parse(JSON.parse(readFileSync(packageJson, 'utf8'))).version;
}

import { join } from 'node:path';
import { ROOT } from '../setup/paths.ts';

/** The compiled contract. */
export function contract(): Promise<typeof import('../../packages/contract/src/index.ts')> {
  return import(join(ROOT, 'packages/contract/dist/index.js'));
}

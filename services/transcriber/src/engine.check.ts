import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { HealthCheck } from '@mediajob/service';

/** Whether the engine program is there: without it nothing can be transcribed here. */
export function engineCheck(program: () => string): HealthCheck {
  return {
    name: 'engine',
    kind: 'own',
    async check() {
      const path = program();
      try {
        await access(path, constants.X_OK);
        return { status: 'up', data: { program: path } };
      } catch {
        return {
          status: 'down',
          message: `There is no engine program at ${path}. Build it by: npm run setup; or set MEDIAJOB_ENGINE.`,
        };
      }
    },
  };
}

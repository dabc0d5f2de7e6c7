import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { HealthCheck } from '@mediajob/service';
import type { ChosenEngine } from '@mediajob/speech';

/** Whether the engine program is there: without it nothing can be transcribed here. */
export function engineCheck(engine: () => ChosenEngine): HealthCheck {
  return {
    name: 'engine',
    kind: 'own',
    async check() {
      const { kind, program: path } = engine();
      try {
        await access(path, constants.X_OK);
        return { status: 'up', data: { kind, program: path } };
      } catch {
        return {
          status: 'down',
          message: `There is no engine program at ${path}. Build it by: npm run setup; or set MEDIAJOB_ENGINE.`,
        };
      }
    },
  };
}

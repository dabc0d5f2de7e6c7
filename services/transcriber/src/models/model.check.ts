import type { HealthCheck } from '@mediajob/service';
import { modelStatus } from '@mediajob/speech';
import { pullCommand } from './pull-command.js';

/** Without the default model most jobs wait; jobs with another one still work, so it only degrades. */
export function modelCheck(modelsDir: string, name: string): HealthCheck {
  return {
    name: 'default-model',
    kind: 'own',
    async check() {
      const models = await modelStatus(modelsDir, name);
      const installed = models.filter((model) => model.installed).map((model) => model.name);
      if (installed.includes(name)) return { status: 'up', data: { model: name, installed } };
      return {
        status: 'degraded',
        message: `The default model ${name} is not installed. ${pullCommand(name)}`,
        data: { model: name, installed },
      };
    },
  };
}

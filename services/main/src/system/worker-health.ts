import type { HealthCheck } from '@mediajob/service';
import { OTHER_VOLUME } from './own-volume.js';
import type { WorkerCalls } from './worker-calls.js';
import { workerStatuses } from './worker-status.js';

/** One kind of worker as a peer: when none of its instances is well, main is degraded, and goes on. */
export function workerCheck(name: 'converter' | 'transcriber', workers: WorkerCalls): HealthCheck {
  return {
    name,
    kind: 'peer',
    timeoutMs: 4000,
    async check() {
      const found = await workerStatuses(name, workers);
      const misplaced = found.filter(({ detail }) => detail?.startsWith(OTHER_VOLUME));
      const well = found.filter((it) => it.state !== 'down' && !misplaced.includes(it));
      const data = { instances: found.length, up: well.length };
      if (misplaced.length > 0) {
        const where = misplaced.map(({ address }) => address).join(', ');
        return { status: 'degraded', message: `The ${name} at ${where}: ${OTHER_VOLUME}`, data };
      }
      if (well.length === found.length) return { status: 'up', data };
      if (well.length > 0) return { status: 'degraded', message: 'Some instances do not answer.', data };
      const message = `No ${name} can be reached at ${found.map(({ address }) => address).join(', ')}. Uploads go on; jobs wait for it.`;
      return { status: 'down', message, data };
    },
  };
}

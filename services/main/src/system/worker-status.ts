import { type SystemStatus, TaskList } from '@mediajob/contract';
import { z } from 'zod';
import { OTHER_VOLUME } from './own-volume.js';
import type { WorkerCalls } from './worker-calls.js';

export type ServiceStatus = SystemStatus['services'][number];

/** As much of a worker's /health as is shown. */
const Health = z.looseObject({
  status: z.string(),
  version: z.string().optional(),
  instance: z.string().optional(),
  details: z.record(z.string(), z.looseObject({ status: z.string(), message: z.string().optional() })).optional(),
});

const STATES: Readonly<Record<string, ServiceStatus['state']>> = { ok: 'up', degraded: 'degraded' };

/** How each worker of one kind is and what it is doing. Never throws: a worker that cannot be asked is down. */
export async function workerStatuses(
  name: 'converter' | 'transcriber',
  workers: WorkerCalls,
): Promise<ServiceStatus[]> {
  const addresses = await workers.addresses();
  return Promise.all(addresses.map((address) => statusOf(name, workers, address)));
}

async function statusOf(
  name: 'converter' | 'transcriber',
  workers: WorkerCalls,
  address: string,
): Promise<ServiceStatus> {
  try {
    const [health, tasks] = await Promise.all([
      workers.ask(address, 'GET', '/health', { accept503: true }),
      workers.ask(address, 'GET', '/v1/tasks'),
    ]);
    const about = Health.safeParse(health.body).data;
    const doing = TaskList.safeParse(tasks.body).data;
    if (!about)
      return { name, address, state: 'down', detail: `It answered ${health.status}, but not as a ${name} does.` };
    const elsewhere = await workers.volume.isAnother(health.body);
    const detail = [...(elsewhere ? [OTHER_VOLUME] : []), ...troublesOf(about)].join(' ');
    const state = STATES[about.status] ?? 'down';
    return {
      name,
      address,
      state: elsewhere && state === 'up' ? 'degraded' : state,
      ...(about.instance === undefined ? {} : { instance: about.instance }),
      ...(about.version === undefined ? {} : { version: about.version }),
      ...(doing === undefined ? {} : { running: doing.running, queued: doing.queued, capacity: doing.capacity }),
      ...(detail === '' ? {} : { detail }),
    };
  } catch (error) {
    return { name, address, state: 'down', detail: error instanceof Error ? error.message : String(error) };
  }
}

function troublesOf(health: z.infer<typeof Health>): string[] {
  if (health.status === 'shutting_down') return ['It is shutting down.'];
  return Object.entries(health.details ?? {})
    .filter(([, { status }]) => status !== 'up')
    .map(([check, { message }]) => `${check}: ${message ?? 'not well'}`);
}

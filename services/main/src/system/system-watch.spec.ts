import type { ServerEvent } from '@mediajob/contract';
import { expect, it } from 'vitest';
import { SystemWatch } from './system-watch.js';
import type { ServiceStatus } from './worker-status.js';

const worker = (over: Partial<ServiceStatus> = {}): ServiceStatus => ({
  name: 'converter',
  address: 'http://converter:8002',
  state: 'up',
  instance: 'a',
  running: 0,
  ...over,
});

it('the page is told when a worker comes, goes, changes or starts again, and only then', async () => {
  let workers: ServiceStatus[] | Error = [worker()];
  const told: ServerEvent[] = [];
  const watch = new SystemWatch(
    {
      async workers() {
        if (workers instanceof Error) throw workers;
        return workers;
      },
    },
    { publish: (event) => told.push(event) },
  );
  const after = async (next: ServiceStatus[] | Error) => {
    workers = next;
    told.length = 0;
    await watch.look();
    return told.length;
  };
  expect(await after([worker()])).toBe(0);
  expect(await after([worker({ running: 2 })])).toBe(0);
  expect(await after([worker({ state: 'down' })])).toBe(1);
  expect(await after([worker({ state: 'down' })])).toBe(0);
  expect(await after([worker({ instance: 'b' })])).toBe(1);
  expect(await after([worker({ instance: 'b' }), worker({ address: 'http://other:8002' })])).toBe(1);
  expect(await after([worker({ address: 'http://other:8002' }), worker({ instance: 'b' })])).toBe(0);
  expect(await after(new Error('no'))).toBe(0);
  watch.stop();
  expect(await after([])).toBe(0);
});

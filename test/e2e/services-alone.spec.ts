import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Release, type Values } from './release.ts';

const NAMESPACE = 'e2e-alone';

/** A release of one service. */
function alone(component: string): Values {
  return Object.fromEntries(
    ['main', 'operator', 'converter', 'transcriber'].map((it) => [it, { enabled: it === component }]),
  );
}

interface Health {
  status: string;
  /** By check; the operator has none. */
  details?: Record<string, { status: string; message?: string }>;
}

let release: Release;
beforeAll(async () => {
  release = await Release.begin({ namespace: NAMESPACE, values: alone('main') });
  await release.bringFiles();
});
afterAll(() => release?.uninstall());

/** Replaces whatever is there by one service. Resolves when it is Ready. */
async function only(component: string): Promise<Health> {
  await release.upgrade(alone(component));
  const names = (await release.deployments()).map((it) => it.metadata.name);
  expect(names).toEqual([`mediajob-${component}`]);
  const [pod] = await release.podsOf(component);
  expect(pod?.status.containerStatuses?.map((it) => it.restartCount)).toEqual([0]);
  const port = { main: 8000, operator: 8003, converter: 8002, transcriber: 8001 }[component];
  const script = `fetch('http://127.0.0.1:${port}/health').then((it) => it.text()).then((it) => console.log(it))`;
  const where = ['-n', NAMESPACE, `deploy/mediajob-${component}`];
  return JSON.parse(await release.kubectl(['exec', ...where, '--', 'node', '-e', script])) as Health;
}

describe('a service that is all there is', () => {
  it('is Ready as main, says that it is degraded, and what goes on and what waits', async () => {
    const { status, details } = await only('main');
    expect(status).toBe('degraded');
    for (const worker of ['converter', 'transcriber']) {
      expect(details?.[worker]?.status).toBe('degraded');
      expect(details?.[worker]?.message).toContain('Uploads go on; jobs wait for it.');
    }
  });

  it.each(['converter', 'transcriber', 'operator'])('is Ready as %s, and misses nobody', async (component) => {
    const { details = {} } = await only(component);
    // Of an ffmpeg that Debian has mended under its old number it may say that it is old.
    const wanting = Object.entries(details).filter(([name, { status }]) => status !== 'up' && name !== 'ffmpeg');
    expect(wanting).toEqual([]);
  });
});

import { MainEnv } from '@mediajob/contract';
import { ConfigError, createMetrics } from '@mediajob/service';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { clusterAccess } from './kubernetes-runtime.js';

afterEach(() => vi.unstubAllEnvs());

const service = (environment: Record<string, string> = {}) => ({
  env: MainEnv.parse({ MEDIAJOB_RUNTIME: 'kubernetes', ...environment }),
  logger: { debug() {}, info() {}, warn() {}, error() {} } as never,
  metrics: createMetrics({ service: 'main', version: '0', processMetrics: false }),
  version: '0',
});
const access = (namespace: string | undefined) => ({
  namespace,
  current: () => Promise.reject(new Error('nobody asks')),
  renew: async () => {},
});

describe('the way to the cluster', () => {
  it('without a cluster is a wrong setting, which says what to set', async () => {
    vi.stubEnv('KUBECONFIG', '/nowhere/kubeconfig');
    const error = await clusterAccess(service()).catch((it: unknown) => it);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toMatch(/^MEDIAJOB_RUNTIME=kubernetes: .*\n.*set KUBECONFIG/);
  });

  it.each([
    [{ MEDIAJOB_NAMESPACE: 'media' }, 'other', 'media'],
    [{}, 'other', 'other'],
    [{}, undefined, 'default'],
  ])('leads to the namespace of the setting, else of the account or kubeconfig', async (environment, of, want) => {
    const { api, namespace } = await clusterAccess(service(environment), access(of));
    expect(namespace).toBe(want);
    await api.close();
  });
});

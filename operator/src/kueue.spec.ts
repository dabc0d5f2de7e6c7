import { KubeApiError, type KubeLogger } from '@mediajob/kube';
import { describe, expect, it } from 'vitest';
import { readsWorkloads } from './kueue.js';

describe('whether Kueue is there', () => {
  const answer = (status: number) => ({
    list: async () => {
      if (status === 200) return { items: [], resourceVersion: '1' };
      throw new KubeApiError('no', { status, reason: 'Some' });
    },
  });

  it.each([
    ['it is', 200, true, 0],
    ['the cluster does not know it', 404, false, 0],
    ['we may not ask, which is told', 403, false, 1],
  ])('%s', async (_, status, want, warnings) => {
    let told = 0;
    const log: KubeLogger = { debug() {}, info() {}, warn: () => void told++, error() {} };
    expect(await readsWorkloads(answer(status), log, 'team')).toBe(want);
    expect(told).toBe(warnings);
  });

  it('is not known while the API server does not answer', async () => {
    const log: KubeLogger = { debug() {}, info() {}, warn() {}, error() {} };
    await expect(readsWorkloads(answer(500), log, undefined)).rejects.toThrow('no');
  });
});

import { Gauge, type ServiceMetrics } from '@mediajob/service';
import type { ClusterParts } from './cluster-health.js';

/** Whether the cluster answers, and how much is kept for it. Jobs themselves are counted by the operator. */
export function clusterMetrics(metrics: ServiceMetrics, { link, outbox }: Pick<ClusterParts, 'link' | 'outbox'>): void {
  new Gauge({
    name: 'mediajob_outbox_jobs',
    help: 'Jobs that are kept on the volume until the cluster takes them.',
    registers: [metrics.registry],
    collect() {
      this.set(outbox.size);
    },
  });
  const tell = () => metrics.dependencyUp.set({ name: 'kubernetes' }, link.state.state === 'up' ? 1 : 0);
  tell();
  link.onChange(tell);
}

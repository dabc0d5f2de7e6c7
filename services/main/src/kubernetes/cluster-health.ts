import type { SystemStatus } from '@mediajob/contract';
import type { HealthCheck } from '@mediajob/service';
import type { ClusterLink } from './cluster-link.js';
import type { ClusterView } from './cluster-view.js';
import type { Outbox } from './outbox.js';

export interface ClusterParts {
  readonly namespace: string;
  readonly link: ClusterLink;
  readonly view: ClusterView;
  readonly outbox: Outbox;
}

/** What the system page says of the cluster. */
export function clusterStatus({ namespace, link, outbox }: ClusterParts): NonNullable<SystemStatus['cluster']> {
  const { state, since, detail } = link.state;
  return {
    namespace,
    state,
    since: new Date(since).toISOString(),
    ...(detail === undefined ? {} : { detail }),
    queued: outbox.size,
  };
}

/** The cluster as a peer: without it main goes on with what it can, and is degraded. */
export function clusterCheck(parts: ClusterParts): HealthCheck {
  return {
    name: 'kubernetes',
    kind: 'peer',
    // What is told is known already: asking costs nothing.
    ttlMs: 0,
    async check() {
      const { namespace, state, since, detail, queued } = clusterStatus(parts);
      const data = { namespace, since, queued, synced: parts.view.synced };
      if (state === 'up' && parts.view.synced) return { status: 'up', data };
      if (state === 'up') return { status: 'degraded', message: 'The MediaJobs of the cluster are being read.', data };
      const message =
        state === 'down'
          ? `The cluster does not answer. ${detail} Uploads go on, new jobs are kept, and those of the cluster are shown as they were last.`
          : `The cluster refuses what this service needs. ${detail}`;
      return { status: state, message, data };
    },
  };
}

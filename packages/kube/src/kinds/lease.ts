import { type Kind, kind } from '../kind.js';
import type { KubeObject } from '../object.js';

/** Times are of the kind MicroTime: the server reads six digits of a second, no less. */
export interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string | null;
    readonly leaseDurationSeconds?: number | null;
    readonly acquireTime?: string | null;
    readonly renewTime?: string | null;
    readonly leaseTransitions?: number | null;
    readonly strategy?: string;
    readonly preferredHolder?: string;
  };
}

export const Leases: Kind<Lease> = kind({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
});

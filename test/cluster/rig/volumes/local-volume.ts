import { join } from 'node:path';

export const PROVISIONER = 'mediajob.io/local';
export const STORAGE_CLASS = 'local';

export interface ClaimObject {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid: string };
  readonly spec: {
    readonly storageClassName?: string;
    readonly volumeName?: string;
    readonly accessModes: readonly string[];
    readonly resources: { readonly requests: { readonly storage: string } };
  };
}

/** The cluster's default class: a claim is a directory of the node. */
export const storageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: STORAGE_CLASS, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: PROVISIONER,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'Immediate',
} as const;

export interface Provision {
  /** Of the volumes. */
  readonly directory: string;
  readonly nodeName: string;
}

/** Whether a volume has to be made for it. */
export function wantsVolume({ spec }: ClaimObject): boolean {
  return spec.storageClassName === STORAGE_CLASS && !spec.volumeName;
}

/**
 * The volume of a claim. `local` rather than `hostPath`: the kubelet applies fsGroup to it, and makes missing subPaths
 * writable for that group, as CSI drivers do; several pods may share it, as they do a network file system.
 */
export function localVolume({ metadata, spec }: ClaimObject, { directory, nodeName }: Provision) {
  const name = `claim-${metadata.uid}`;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': PROVISIONER } },
    spec: {
      storageClassName: STORAGE_CLASS,
      capacity: { storage: spec.resources.requests.storage },
      accessModes: spec.accessModes,
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: metadata.namespace,
        name: metadata.name,
        uid: metadata.uid,
      },
      local: { path: join(directory, name) },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] }] },
          ],
        },
      },
    },
  };
}

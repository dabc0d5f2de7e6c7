import { type Kind, kind } from '../kind.js';
import type { KubeObject } from '../object.js';
import type { LabelSelector } from './label-selector.js';

const core = (name: string, plural: string, namespaced = true) => ({ version: 'v1', kind: name, plural, namespaced });

export interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
  /** Base64. */
  readonly binaryData?: Readonly<Record<string, string>>;
  readonly immutable?: boolean;
}

export const ConfigMaps: Kind<ConfigMap> = kind(core('ConfigMap', 'configmaps'));

export interface Secret extends KubeObject {
  readonly type?: string;
  /** Base64. */
  readonly data?: Readonly<Record<string, string>>;
  /** Only sent: the server keeps it in `data`. */
  readonly stringData?: Readonly<Record<string, string>>;
  readonly immutable?: boolean;
}

export const Secrets: Kind<Secret> = kind(core('Secret', 'secrets'));

export interface Namespace extends KubeObject {
  readonly spec?: { readonly finalizers?: readonly string[] };
  readonly status?: { readonly phase?: 'Active' | 'Terminating'; readonly conditions?: readonly object[] };
}

export const Namespaces: Kind<Namespace> = kind(core('Namespace', 'namespaces', false));

export interface ServiceAccount extends KubeObject {
  readonly automountServiceAccountToken?: boolean;
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
  readonly secrets?: readonly { readonly name?: string }[];
}

export const ServiceAccounts: Kind<ServiceAccount> = kind(core('ServiceAccount', 'serviceaccounts'));

export interface Node extends KubeObject {
  readonly spec?: {
    readonly unschedulable?: boolean;
    readonly providerID?: string;
    readonly podCIDR?: string;
    readonly taints?: readonly {
      readonly key: string;
      readonly value?: string;
      readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
      readonly timeAdded?: string;
    }[];
  };
  readonly status?: {
    readonly capacity?: Readonly<Record<string, string>>;
    readonly allocatable?: Readonly<Record<string, string>>;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: 'True' | 'False' | 'Unknown';
      readonly reason?: string;
      readonly message?: string;
      readonly lastHeartbeatTime?: string;
      readonly lastTransitionTime?: string;
    }[];
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly nodeInfo?: Readonly<Record<string, string>>;
  };
}

export const Nodes: Kind<Node> = kind(core('Node', 'nodes', false));

export interface PersistentVolumeClaim extends KubeObject {
  readonly spec?: {
    readonly accessModes?: readonly string[];
    readonly storageClassName?: string;
    readonly volumeName?: string;
    readonly volumeMode?: 'Filesystem' | 'Block';
    readonly resources?: {
      readonly requests?: Readonly<Record<string, string>>;
      readonly limits?: Readonly<Record<string, string>>;
    };
    readonly selector?: LabelSelector;
  };
  readonly status?: {
    readonly phase?: 'Pending' | 'Bound' | 'Lost';
    readonly accessModes?: readonly string[];
    readonly capacity?: Readonly<Record<string, string>>;
    readonly conditions?: readonly object[];
  };
}

export const PersistentVolumeClaims: Kind<PersistentVolumeClaim> = kind(
  core('PersistentVolumeClaim', 'persistentvolumeclaims'),
);

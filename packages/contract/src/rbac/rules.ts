import { API_GROUP } from '../mediajob.js';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** What somebody may do with one resource, and what for. There are no wildcards. */
export interface Grant {
  /** Empty: the core group. */
  readonly group: string;
  /** With its subresource, such as `mediajobs/status`. */
  readonly resource: string;
  readonly verbs: readonly Verb[];
  /** Left out: any. Kubernetes knows no names when something is created, listed or watched. */
  readonly name?: string;
  readonly why: string;
}

/** Objects that are named in rules. */
export interface RbacNames {
  readonly lease: string;
  readonly progressSecret: string;
  /** The claim of the media volume, in each namespace. */
  readonly mediaClaim: string;
}

const mediaJobs = { group: API_GROUP, resource: 'mediajobs' } as const;

/** The operator, in each namespace whose MediaJobs it runs. */
export function watchedNamespaceGrants({ mediaClaim }: Pick<RbacNames, 'mediaClaim'>): readonly Grant[] {
  return [
    { ...mediaJobs, verbs: ['list', 'watch', 'patch', 'delete'], why: 'runs them; deletes those whose time is over' },
    { ...mediaJobs, resource: 'mediajobs/status', verbs: ['patch'], why: 'says how they are' },
    {
      group: 'batch',
      resource: 'jobs',
      verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
      why: 'a run of a stage is a Job',
    },
    { group: '', resource: 'pods', verbs: ['get', 'list', 'watch'], why: 'how a run ended, and why it waits' },
    { group: '', resource: 'events', verbs: ['list', 'watch'], why: 'why a pod cannot be made, or does not start' },
    { group: 'events.k8s.io', resource: 'events', verbs: ['create', 'patch'], why: 'tells what happened' },
    {
      group: '',
      resource: 'persistentvolumeclaims',
      name: mediaClaim,
      verbs: ['get'],
      why: 'whether there is anything left to remove files from',
    },
    { group: '', resource: 'namespaces', verbs: ['get'], why: 'whether this one is being deleted' },
  ];
}

/** The operator, in the same namespaces, where Kueue is used. */
export const KUEUE_GRANTS: readonly Grant[] = [
  {
    group: 'kueue.x-k8s.io',
    resource: 'workloads',
    verbs: ['list', 'watch', 'patch'],
    why: 'why a Job waits in its queue; takes one out of it that is suspended',
  },
];

/** The operator, in its own namespace. */
export function ownNamespaceGrants({ lease, progressSecret }: Omit<RbacNames, 'mediaClaim'>): readonly Grant[] {
  const leases = { group: 'coordination.k8s.io', resource: 'leases' } as const;
  const secrets = { group: '', resource: 'secrets' } as const;
  return [
    { ...leases, verbs: ['create'], why: 'agrees with its replicas on one that works' },
    { ...leases, name: lease, verbs: ['get', 'update'], why: 'the same' },
    { ...secrets, verbs: ['create'], why: 'the certificate of the progress receiver' },
    { ...secrets, name: progressSecret, verbs: ['get', 'update'], why: 'the same; it reads no other Secret' },
  ];
}

/** The operator, in the whole cluster. */
export const CLUSTER_GRANTS: readonly Grant[] = [
  {
    group: 'authentication.k8s.io',
    resource: 'tokenreviews',
    verbs: ['create'],
    why: 'which pod it is that reports progress',
  },
];

/**
 * The operator, in the whole cluster, where it runs MediaJobs of more namespaces than its own. What a role grants in a
 * namespace goes when that is deleted, often before the MediaJobs that wait for the operator to let them go.
 */
export const NAMESPACE_DELETION_GRANTS: readonly Grant[] = [
  {
    ...mediaJobs,
    verbs: ['list', 'watch', 'patch'],
    why: 'lets go of those whose namespace is being deleted: its other rights there go first',
  },
  { group: '', resource: 'namespaces', verbs: ['get'], why: 'whether it is being deleted' },
];

/** What lets go of all MediaJobs when the operator is uninstalled, in each namespace that it watched. */
export const RELEASE_GRANTS: readonly Grant[] = [
  { ...mediaJobs, verbs: ['list', 'patch'], why: 'lets go of them when the operator is uninstalled' },
];

/** main, in its namespace. */
export const MAIN_GRANTS: readonly Grant[] = [
  {
    ...mediaJobs,
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
    why: 'what people do with jobs on the page and by the API',
  },
];

/** People, in addition to what Kubernetes' own role `view` lets them do. */
export const VIEW_GRANTS: readonly Grant[] = [
  { ...mediaJobs, verbs: ['get', 'list', 'watch'], why: 'look at MediaJobs' },
];

/** People, in addition to what Kubernetes' own roles `edit` and `admin` let them do, which includes looking. */
export const EDIT_GRANTS: readonly Grant[] = [
  {
    ...mediaJobs,
    verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'],
    why: 'make, change and delete MediaJobs; their status is the operator’s alone',
  },
];

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeClient } from '../kube-client.ts';
import { kubeconfigOf } from './cluster-api.ts';
import type { Daemons } from './daemons.ts';
import { INGRESS_CLASS, type RigPaths, type RigSettings } from './rig-settings.ts';

/** Programs of the node itself, not pods: they are up at once, and reach every pod as the node does. */
export interface AddonPrograms {
  readonly traefik: string;
  readonly metricsServer: string;
}

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

export interface Applied {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

const READ = ['get', 'list', 'watch'];
const RBAC = 'rbac.authorization.k8s.io';

/** Gives somebody what it needs: a user of ours, known by its certificate, unless a subject is named. Again: no change. */
export async function grant(
  client: KubeClient,
  name: string,
  rules: readonly Rule[],
  subject: object = { apiGroup: RBAC, kind: 'User', name: `mediajob:${name}` },
): Promise<void> {
  await apply(client, `/apis/${RBAC}/v1/clusterroles`, {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRole',
    metadata: { name: `mediajob:${name}` },
    rules,
  });
  await bind(client, name, { kind: 'ClusterRole', name: `mediajob:${name}` }, { subject });
}

async function bind(
  client: KubeClient,
  name: string,
  role: { kind: string; name: string },
  { namespace, subject = { apiGroup: RBAC, kind: 'User', name: `mediajob:${name}` } }: BindOptions = {},
): Promise<void> {
  const place = namespace === undefined ? 'clusterrolebindings' : `namespaces/${namespace}/rolebindings`;
  await apply(client, `/apis/${RBAC}/v1/${place}`, {
    apiVersion: `${RBAC}/v1`,
    kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: { name: `mediajob:${name}:${role.name.replaceAll(':', '-')}` },
    roleRef: { apiGroup: RBAC, ...role },
    subjects: [subject],
  });
}

interface BindOptions {
  readonly namespace?: string;
  readonly subject?: object;
}

/** Server-side apply of one object. */
export async function apply(client: KubeClient, collection: string, object: Applied): Promise<void> {
  await client.call(`${collection}/${object.metadata.name}?fieldManager=rig&force=true`, {
    method: 'PATCH',
    contentType: 'application/apply-patch+yaml',
    body: object,
  });
}

/** Serves Ingress objects on a loopback port, as the default class. */
export async function startIngress(
  daemons: Daemons,
  program: string,
  settings: RigSettings,
  paths: RigPaths,
  client: KubeClient,
): Promise<void> {
  const networking = 'networking.k8s.io';
  await grant(client, 'ingress', [
    {
      apiGroups: [''],
      resources: ['services', 'endpoints', 'secrets', 'nodes', 'configmaps', 'namespaces'],
      verbs: READ,
    },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: READ },
    { apiGroups: [networking], resources: ['ingresses', 'ingressclasses'], verbs: READ },
    { apiGroups: [networking], resources: ['ingresses/status'], verbs: ['update'] },
  ]);
  await apply(client, `/apis/${networking}/v1/ingressclasses`, {
    apiVersion: `${networking}/v1`,
    kind: 'IngressClass',
    metadata: { name: INGRESS_CLASS, annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
    spec: { controller: 'traefik.io/ingress-controller' },
  });
  daemons.start(
    'ingress',
    program,
    [
      `--entrypoints.web.address=127.0.0.1:${settings.ingressPort}`,
      // An upload of any length: the default ends a request after a minute.
      '--entrypoints.web.transport.respondingtimeouts.readtimeout=0',
      '--providers.kubernetesingress=true',
      '--providers.kubernetesingress.ingressendpoint.ip=127.0.0.1',
      '--global.checknewversion=false',
      '--global.sendanonymoususage=false',
      '--log.level=INFO',
    ],
    { KUBECONFIG: kubeconfigOf(paths, 'ingress') },
  );
}

/** What pods use, for `kubectl top` and the HorizontalPodAutoscaler. */
export async function startMetricsServer(
  daemons: Daemons,
  program: string,
  settings: RigSettings,
  paths: RigPaths,
  client: KubeClient,
): Promise<void> {
  await grant(client, 'metrics-server', [
    { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
    { apiGroups: [''], resources: ['pods', 'nodes'], verbs: READ },
  ]);
  await bind(client, 'metrics-server', { kind: 'ClusterRole', name: 'system:auth-delegator' });
  const reader = { kind: 'Role', name: 'extension-apiserver-authentication-reader' };
  await bind(client, 'metrics-server', reader, { namespace: 'kube-system' });
  const meta = { name: 'metrics-server', namespace: 'kube-system' };
  await apply(client, '/api/v1/namespaces/kube-system/services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta,
    spec: { ports: [{ name: 'https', port: 443, targetPort: METRICS_PORT }] },
  });
  // A Service without a selector: its endpoint is a process of the node.
  await apply(client, '/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices', {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...meta, labels: { 'kubernetes.io/service-name': meta.name } },
    addressType: 'IPv4',
    ports: [{ name: 'https', port: METRICS_PORT }],
    endpoints: [{ addresses: [settings.nodeIp], conditions: { ready: true } }],
  });
  await apply(client, '/apis/apiregistration.k8s.io/v1/apiservices', {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: 'v1beta1.metrics.k8s.io' },
    spec: {
      service: { name: meta.name, namespace: meta.namespace },
      group: 'metrics.k8s.io',
      version: 'v1beta1',
      caBundle: readFileSync(join(paths.conf, 'ca.crt')).toString('base64'),
      groupPriorityMinimum: 100,
      versionPriority: 100,
    },
  });
  const kubeconfig = kubeconfigOf(paths, 'metrics-server');
  daemons.start('metrics-server', program, [
    `--secure-port=${METRICS_PORT}`,
    `--bind-address=${settings.nodeIp}`,
    ...['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map((it) => `--${it}=${kubeconfig}`),
    `--kubelet-certificate-authority=${join(paths.conf, 'ca.crt')}`,
    '--kubelet-preferred-address-types=InternalIP',
    // No shorter: it has to be longer than the 10 s that one kubelet may take.
    '--metric-resolution=15s',
    `--tls-cert-file=${join(paths.conf, 'metrics-serving.crt')}`,
    `--tls-private-key-file=${join(paths.conf, 'metrics-serving.key')}`,
  ]);
}

const METRICS_PORT = 4443;

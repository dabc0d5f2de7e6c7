import type { KubeClient, Resource } from '../kube-client.ts';
import { until } from '../until.ts';
import { apply, grant } from './addons.ts';
import { DNS_IMAGE, type RigSettings } from './rig-settings.ts';

const NAMESPACE = 'kube-system';
const NAME = 'kube-dns';
const labels = { 'k8s-app': NAME };

/** Any name that is no service's and no pod's does not exist, so that no look-up leaves the machine. */
const COREFILE = `cluster.local:53 in-addr.arpa:53 {
  errors
  cache 5
  kubernetes cluster.local in-addr.arpa {
    pods verified
    ttl 5
  }
}
.:53 {
  errors
  ready
  template ANY ANY {
    rcode NXDOMAIN
  }
}
`;

/** CoreDNS as a pod of kube-system, as clusters have it: NetworkPolicies that let pods resolve names mean that. */
export async function applyDns({ dnsIp }: RigSettings, client: KubeClient): Promise<void> {
  const read = ['list', 'watch'];
  await grant(
    client,
    'coredns',
    [
      { apiGroups: [''], resources: ['services', 'pods', 'namespaces'], verbs: read },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
    ],
    { kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE },
  );
  const metadata = { name: NAME, namespace: NAMESPACE, labels };
  const core = `/api/v1/namespaces/${NAMESPACE}`;
  await apply(client, `${core}/serviceaccounts`, { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  await apply(client, `${core}/configmaps`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data: { Corefile: COREFILE },
  });
  await apply(client, `${core}/services`, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: {
      selector: labels,
      clusterIP: dnsIp,
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      ],
    },
  });
  await apply(client, `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: POD },
    },
  });
}

const POD = {
  serviceAccountName: NAME,
  priorityClassName: 'system-cluster-critical',
  dnsPolicy: 'Default',
  terminationGracePeriodSeconds: 5,
  containers: [
    {
      name: 'coredns',
      image: DNS_IMAGE,
      imagePullPolicy: 'Never',
      args: ['-conf', '/etc/coredns/Corefile'],
      ports: [
        { name: 'dns', containerPort: 53, protocol: 'UDP' },
        { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
      ],
      readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 1 },
      resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '256Mi' } },
      securityContext: {
        runAsUser: 0,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
      },
      volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
    },
  ],
  volumes: [{ name: 'config', configMap: { name: NAME } }],
};

interface Deployment extends Resource {
  status?: { availableReplicas?: number };
}

/** Resolves when names are resolved. */
export async function dnsReady(client: KubeClient): Promise<void> {
  await until('CoreDNS is ready', async () => {
    const deployment = await client.find<Deployment>(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${NAME}`);
    return (deployment?.status?.availableReplicas ?? 0) > 0;
  });
}

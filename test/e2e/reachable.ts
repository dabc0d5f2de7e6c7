import type { Resource } from '../cluster/kube-client.ts';
import type { Release } from './release.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** Whether a TCP connection from inside a container comes about. What is dropped rather than refused is waited for 3 s. */
export async function reaches(
  release: Release,
  from: { pod: string; container?: string; namespace?: string },
  { host, port }: Target,
): Promise<boolean> {
  const script = `
    const socket = require('node:net').connect({ host: ${JSON.stringify(host)}, port: ${port} });
    const say = (text) => { console.log(text); process.exit(0); };
    socket.once('connect', () => say('open'));
    socket.once('error', () => say('closed'));
    setTimeout(() => say('closed'), 3000);`;
  const { pod, container, namespace = release.namespace } = from;
  const where = ['-n', namespace, pod, ...(container === undefined ? [] : ['-c', container])];
  return (await release.kubectl(['exec', ...where, '--', 'node', '-e', script])).trim() === 'open';
}

/** Of a Service, or of a pod behind it where it has none itself: whoever may not look names up may still try. */
export async function addressOf(release: Release, service: string, namespace = release.namespace): Promise<string> {
  const { client } = release.cluster;
  const path = `/api/v1/namespaces/${namespace}/services/${service}`;
  const { clusterIP } = (await client.get<{ spec: { clusterIP: string } }>(path)).spec;
  if (clusterIP !== 'None') return clusterIP;
  const slices = await client.list<Resource & { endpoints: { addresses: string[] }[] }>(
    `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=kubernetes.io/service-name%3D${service}`,
  );
  const address = slices.flatMap((it) => it.endpoints).flatMap((it) => it.addresses)[0];
  if (address === undefined) throw new Error(`nothing is behind the Service ${service}`);
  return address;
}

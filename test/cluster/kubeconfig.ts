import { readFile, writeFile } from 'node:fs/promises';

/** How a client proves who it is: by a token, or by a certificate (PEM texts). */
export type Credentials = { readonly token: string } | { readonly certificate: string; readonly key: string };

export interface KubeconfigFields {
  readonly url: string;
  /** PEM text. */
  readonly ca: string;
  readonly credentials: Credentials;
  readonly namespace?: string;
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: Record<string, string> }[];
  readonly users: readonly { readonly user: Record<string, string> }[];
  readonly contexts: readonly { readonly context: { readonly namespace?: string } }[];
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const text = (encoded = ''): string => Buffer.from(encoded, 'base64').toString();

/** Written as JSON, which is YAML as well; everything is inside, so that it can be copied and outlives its directory. */
export async function writeKubeconfig(
  path: string,
  { url, ca, credentials, namespace }: KubeconfigFields,
): Promise<string> {
  const user =
    'token' in credentials
      ? { token: credentials.token }
      : { 'client-certificate-data': base64(credentials.certificate), 'client-key-data': base64(credentials.key) };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': base64(ca) } }],
    users: [{ name: 'test', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', ...(namespace ? { namespace } : {}) } }],
    'current-context': 'test',
  };
  await writeFile(path, JSON.stringify(config, null, 2), { mode: 0o600 });
  return path;
}

/** Reads what {@link writeKubeconfig} wrote. */
export async function readKubeconfig(path: string): Promise<KubeconfigFields> {
  const config = JSON.parse(await readFile(path, 'utf8')) as Kubeconfig;
  const cluster = config.clusters[0]?.cluster ?? {};
  const user = config.users[0]?.user ?? {};
  const namespace = config.contexts[0]?.context.namespace;
  return {
    url: cluster.server ?? '',
    ca: text(cluster['certificate-authority-data']),
    credentials:
      user.token !== undefined
        ? { token: user.token }
        : { certificate: text(user['client-certificate-data']), key: text(user['client-key-data']) },
    ...(namespace ? { namespace } : {}),
  };
}

import { createHash } from 'node:crypto';

/** What a TLS connection to the API server is made with. */
export interface TlsMaterial {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Name in the server's certificate, when it is not the host's. */
  readonly servername?: string;
  /** False: any certificate is taken. */
  readonly rejectUnauthorized?: boolean;
}

/** There are no credentials, or they cannot be read. The message names the file or variable. */
export class KubeConfigError extends Error {
  override readonly name = 'KubeConfigError';
  readonly code = 'kube-config';
}

/** Where the API server is, and how one is known to it: valid for one request. */
export interface Access {
  /** Of the server, with the path before `/api` if there is one. */
  readonly server: URL;
  /** Authorization, impersonation. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
  /** `http:`, `https:` or `socks5:`. */
  readonly proxy?: string;
}

/** Asked before each request, so that rotated tokens, certificates and authorities are seen. */
export interface ServerAccess {
  /** The namespace of a kubeconfig's context or of the service account; where a person's own objects are. */
  readonly namespace: string | undefined;
  /** @throws KubeConfigError */
  current(): Promise<Access>;
  /** The server did not take the credentials: reads and makes them anew, unless that was done a moment ago. */
  renew(): Promise<void>;
}

/** Equal when connections made with one access serve the other as well: headers do not count. */
export function connectionIdentity({ server, tls, proxy }: Access): string {
  const hash = createHash('sha256');
  const parts = [server.origin, proxy, tls.servername, String(tls.rejectUnauthorized), tls.ca, tls.cert, tls.key];
  for (const part of parts) hash.update(part ?? '-').update('\0');
  return hash.digest('hex');
}

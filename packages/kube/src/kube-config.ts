import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock, KubeLogger } from './environment.js';
import { type Access, KubeConfigError, type ServerAccess, type TlsMaterial } from './server-access.js';

/** Where credentials come from; nothing: KUBECONFIG, `~/.kube/config`, the pod's service account, in this order. */
export interface KubeConfigSource {
  readonly file?: string;
  /** Of the file; its current one when left out. */
  readonly context?: string;
  /** The pod's service account only; a text is put before the path of its files. */
  readonly inCluster?: true | string;
}

export interface KubeConfigOptions extends KubeConfigSource {
  readonly clock: Clock;
  readonly log: KubeLogger;
}

/** For so long, in ms, nothing is read again: neither files nor an authentication plugin is asked for each request. */
const FRESH_MS = 5_000;
/** Between two renewals, in ms: many calls may be refused at the same moment. */
const RENEW_EVERY_MS = 10_000;

/**
 * Access by client-node's authentication: tokens, token files, client certificates, exec plugins, OIDC. Unlike there,
 * an authority or certificate that changes on disk is seen, plugins are asked once at a time, and a file that cannot
 * be read for a moment leaves the last credentials in use.
 *
 * @throws KubeConfigError
 */
export async function kubeConfigAccess(options: KubeConfigOptions): Promise<ServerAccess> {
  // 50 MB that a process without a cluster does not spend.
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const load = () => loadConfig(new Config(), options);
  return new KubeConfigAccess(load, load(), options);
}

class KubeConfigAccess implements ServerAccess {
  readonly namespace: string | undefined;
  readonly #load: () => KubeConfig;
  readonly #clock: Clock;
  readonly #log: KubeLogger;
  #config: KubeConfig;
  #last: { readonly access: Access; readonly readAt: number } | undefined;
  #reading: Promise<Access> | undefined;
  #renewedAt = Number.NEGATIVE_INFINITY;

  constructor(load: () => KubeConfig, config: KubeConfig, { clock, log }: KubeConfigOptions) {
    this.#load = load;
    this.#config = config;
    this.#clock = clock;
    this.#log = log;
    this.namespace = config.getContextObject(config.getCurrentContext())?.namespace;
  }

  async current(): Promise<Access> {
    const last = this.#last;
    if (last !== undefined && this.#clock.monotonic() - last.readAt < FRESH_MS) return last.access;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async renew(): Promise<void> {
    const now = this.#clock.monotonic();
    if (now - this.#renewedAt < RENEW_EVERY_MS) return;
    this.#renewedAt = now;
    try {
      this.#config = this.#load();
    } catch (error) {
      this.#log.warn({ err: error }, 'the kubeconfig cannot be read again; the one known so far stays in use');
    }
    if (this.#last !== undefined) this.#last = { ...this.#last, readAt: Number.NEGATIVE_INFINITY };
  }

  async #read(): Promise<Access> {
    let access: Access;
    try {
      access = await accessOf(this.#config);
    } catch (cause) {
      if (this.#last === undefined) {
        throw new KubeConfigError(`the credentials for the API server cannot be read: ${messageOf(cause)}`, { cause });
      }
      this.#log.warn({ err: cause }, 'the credentials for the API server cannot be read again; the last stay in use');
      access = this.#last.access;
    }
    this.#last = { access, readAt: this.#clock.monotonic() };
    return access;
  }
}

function loadConfig(config: KubeConfig, { file, context, inCluster }: KubeConfigSource): KubeConfig {
  const where = inCluster !== undefined ? 'the service account of the pod' : (file ?? 'the kubeconfig');
  try {
    if (inCluster !== undefined) config.loadFromCluster(inCluster === true ? '' : inCluster);
    else if (file !== undefined) config.loadFromFile(file);
    else config.loadFromDefault();
  } catch (cause) {
    throw new KubeConfigError(`${where} cannot be read: ${messageOf(cause)}`, { cause });
  }
  if (context !== undefined) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new KubeConfigError(`${where} has no context “${config.getCurrentContext()}” with a cluster`);
  }
  // What client-node falls back to when it found nothing at all.
  if (file === undefined && cluster.name === 'cluster' && cluster.server === 'http://localhost:8080') {
    throw new KubeConfigError('there is no cluster to talk to: set KUBECONFIG, or run in a pod with a service account');
  }
  if (!URL.canParse(cluster.server)) {
    throw new KubeConfigError(`${where} does not lead to an API server: “${cluster.server}” is no URL`);
  }
  // client-node refuses it at each call, in words that tell of its own options.
  if (new URL(cluster.server).protocol === 'http:' && cluster.skipTLSVerify !== true) {
    throw new KubeConfigError(
      `${where} leads to ${cluster.server}, where credentials would go over the network for all to read: give an https: address, or, for a server on this machine such as kubectl proxy, set “insecure-skip-tls-verify: true” for the cluster “${cluster.name}”`,
    );
  }
  return config;
}

async function accessOf(config: KubeConfig): Promise<Access> {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new KubeConfigError('the kubeconfig has no cluster any more');
  const options: { headers?: Record<string, string>; auth?: string } & TlsMaterial = {};
  await config.applyToHTTPSOptions(options);
  const { headers = {}, auth, ca, cert, key, servername, rejectUnauthorized } = options;
  return {
    server: new URL(cluster.server),
    headers: auth === undefined ? headers : { ...headers, Authorization: `Basic ${base64(auth)}` },
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    },
    ...(cluster.proxyUrl === undefined ? {} : { proxy: cluster.proxyUrl }),
  };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

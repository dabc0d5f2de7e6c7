import { rmSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AuditEvent, auditPolicy, readAuditLog } from './audit.ts';
import { Child } from './child.ts';
import { compactEtcd } from './etcd.ts';
import { freePort } from './free-port.ts';
import { KubeClient, StatusError } from './kube-client.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { ownedDirectory } from './owned-directory.ts';
import { Authority, type KeyAndCertificate, type Subject, signingKeys } from './pki.ts';
import { type KubeProgram, kubeProgram } from './programs.ts';
import { run } from './run.ts';
import { until } from './until.ts';

export interface ControlPlaneOptions {
  /**
   * Of the controller manager, in its own words. The default is all but node-lifecycle-controller: a Node that no
   * kubelet renews would become NotReady and lose its pods. `false`: no controller manager, for tests of the API alone.
   */
  readonly controllers?: readonly string[] | false;
  /** Custom resource definitions that are served before the controllers start, so that the garbage collector knows them at once. */
  readonly definitions?: readonly object[];
  /** Records who asked for what; read with `auditEvents()`. */
  readonly audit?: boolean;
  readonly enableAdmissionPlugins?: readonly string[];
  /**
   * False: watches and lists go to etcd itself, so that after `compact()` an older resourceVersion is 410 Expired.
   * True (the default, as everywhere): so they are only after the API server was started again.
   */
  readonly watchCache?: boolean;
  /** A watch without a timeout of its own is ended after this long to twice as long, in s. */
  readonly minRequestTimeoutSeconds?: number;
  readonly apiServerArgs?: readonly string[];
  readonly controllerManagerArgs?: readonly string[];
}

export interface AccountRef {
  readonly namespace: string;
  readonly name: string;
}

export interface TokenOptions {
  /** Left out: the API server itself. */
  readonly audiences?: readonly string[];
  /** At least 600. */
  readonly expirationSeconds?: number;
  /** Binds the token to a pod, as a projected volume does. */
  readonly pod?: { readonly name: string; readonly uid: string };
}

interface Files {
  readonly directory: string;
  readonly authority: Authority;
  readonly serving: KeyAndCertificate;
}

const ADMIN_TOKEN = 'admin-of-the-tests';
const BOOT_ATTEMPTS = 5;
const ETCD = 'unix://localhost:0';

/**
 * etcd, kube-apiserver and kube-controller-manager of its own, on loopback: what they say is what a cluster says. There
 * is no node and no scheduler; pods.ts and kubelet.ts let a test decide what becomes of a pod.
 * Ends with this process, however that ends; its directory then goes with the next start.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  for (let attempt = 1; ; attempt++) {
    const controlPlane = await ControlPlane.prepare(options);
    try {
      await controlPlane.boot();
      return controlPlane;
    } catch (error) {
      await controlPlane.stop();
      if (attempt === BOOT_ATTEMPTS || !/address already in use/.test(String(error))) throw error;
    }
  }
}

export class ControlPlane {
  readonly url: string;
  /** PEM text. */
  readonly ca: string;
  /** Of a user who may do everything. By token, so that it works through a proxy as well. */
  readonly kubeconfig: string;
  /** The same user's client, for the test itself. */
  readonly client: KubeClient;
  /** Goes when the control plane stops. */
  readonly directory: string;
  readonly serving: KeyAndCertificate;
  readonly #options: ControlPlaneOptions;
  readonly #authority: Authority;
  readonly #port: number;
  readonly #children = new Map<KubeProgram, Child>();
  readonly #onExit = (): void => rmSync(this.directory, { recursive: true, force: true });
  #kubeconfigs = 0;

  private constructor(options: ControlPlaneOptions, { directory, authority, serving }: Files, port: number) {
    this.#options = options;
    this.#authority = authority;
    this.#port = port;
    this.url = `https://127.0.0.1:${port}`;
    this.ca = authority.certificate;
    this.directory = directory;
    this.serving = serving;
    this.kubeconfig = join(directory, 'admin.kubeconfig');
    this.client = new KubeClient(this.url, this.ca, { token: ADMIN_TOKEN });
    process.once('exit', this.#onExit);
  }

  /** Keys, certificates and kubeconfigs; nothing runs yet. */
  static async prepare(options: ControlPlaneOptions): Promise<ControlPlane> {
    // What is missing is told before anything runs.
    for (const name of ['etcd', 'kube-apiserver'] as const) kubeProgram(name);
    if (options.controllers !== false) kubeProgram('kube-controller-manager');
    const authority = await Authority.create('mediajob-test');
    const serving = await authority.server('kube-apiserver', {
      dns: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
      ip: ['127.0.0.1', '10.96.0.1'],
    });
    const controlPlane = new ControlPlane(
      options,
      { directory: ownedDirectory('control-plane'), authority, serving },
      await freePort(),
    );
    const { directory, url, ca } = controlPlane;
    const keys = signingKeys();
    const files = {
      'ca.crt': ca,
      'ca.key': authority.key,
      'server.crt': serving.certificate,
      'server.key': serving.key,
      'accounts.key': keys.privateKey,
      'accounts.pub': keys.publicKey,
      'tokens.csv': `${ADMIN_TOKEN},admin,admin,system:masters\n`,
      'audit-policy.json': JSON.stringify(auditPolicy),
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text, { mode: 0o600 });
    await mkdir(join(directory, 'etcd'), { mode: 0o700 });
    await writeKubeconfig(controlPlane.kubeconfig, { url, ca, credentials: { token: ADMIN_TOKEN } });
    return controlPlane;
  }

  /** Returns when the API server is ready and the controllers work. */
  async boot(): Promise<void> {
    const { controllers, definitions = [] } = this.#options;
    this.#start('etcd', [
      '--name=etcd',
      '--data-dir=etcd',
      // A socket in our own directory: no port to collide on, and nobody else may read it.
      `--listen-client-urls=${ETCD}`,
      `--advertise-client-urls=${ETCD}`,
      '--listen-peer-urls=unix://localhost:1',
      '--initial-advertise-peer-urls=unix://localhost:1',
      '--initial-cluster=etcd=unix://localhost:1',
      '--unsafe-no-fsync',
      '--log-level=warn',
    ]);
    await this.startApiServer();
    for (const definition of definitions) await this.define(definition);
    if (controllers !== false) await this.startControllerManager();
  }

  /** Serves a custom resource definition; resolves when it is established. */
  async define(definition: object): Promise<void> {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const { metadata } = await this.client.create(path, definition);
    await until(`${metadata.name} is served`, async () => {
      const { status } = await this.client.get<{ status?: { conditions?: { type: string; status: string }[] } }>(
        `${path}/${metadata.name}`,
      );
      return status?.conditions?.some((it) => it.type === 'Established' && it.status === 'True');
    });
  }

  /** After {@link crash}; resolves when it is ready. */
  async startApiServer(): Promise<void> {
    const {
      audit,
      enableAdmissionPlugins = [],
      watchCache = true,
      minRequestTimeoutSeconds,
      apiServerArgs = [],
    } = this.#options;
    this.#start('kube-apiserver', [
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${this.#port}`,
      `--etcd-servers=${ETCD}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      // No Endpoints of its own: loopback addresses are not allowed there, and nothing looks for them.
      '--endpoint-reconciler-type=none',
      '--authorization-mode=Node,RBAC',
      '--token-auth-file=tokens.csv',
      '--client-ca-file=ca.crt',
      '--tls-cert-file=server.crt',
      '--tls-private-key-file=server.key',
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-account-key-file=accounts.pub',
      '--service-account-signing-key-file=accounts.key',
      '--shutdown-delay-duration=0s',
      `--watch-cache=${watchCache}`,
      ...(enableAdmissionPlugins.length > 0 ? [`--enable-admission-plugins=${enableAdmissionPlugins.join(',')}`] : []),
      ...(minRequestTimeoutSeconds === undefined ? [] : [`--min-request-timeout=${minRequestTimeoutSeconds}`]),
      ...(audit === true
        ? ['--audit-policy-file=audit-policy.json', '--audit-log-path=audit.log', '--audit-log-mode=blocking']
        : []),
      ...apiServerArgs,
    ]);
    await this.#until('the API server is ready', () => this.isReady());
  }

  /** Whether the API server says so. */
  async isReady(): Promise<boolean> {
    return this.client.get<string>('/readyz').then(
      () => true,
      () => false,
    );
  }

  /** After {@link crash}; resolves when namespaces get their service accounts, which only its controllers make. */
  async startControllerManager(): Promise<void> {
    const { controllers, controllerManagerArgs = [] } = this.#options;
    this.#start('kube-controller-manager', [
      `--kubeconfig=${this.kubeconfig}`,
      '--secure-port=0',
      '--leader-elect=false',
      `--controllers=${(controllers || ['*', '-node-lifecycle-controller']).join(',')}`,
      '--service-account-private-key-file=accounts.key',
      '--root-ca-file=ca.crt',
      '--cluster-signing-cert-file=ca.crt',
      '--cluster-signing-key-file=ca.key',
      '--use-service-account-credentials=true',
      // Its own start alone would take seconds at the default 20 a second.
      '--kube-api-qps=500',
      '--kube-api-burst=1000',
      ...controllerManagerArgs,
    ]);
    await this.#until('the controllers work', async () => {
      const account = await this.client.find('/api/v1/namespaces/default/serviceaccounts/default');
      return account !== undefined;
    });
  }

  /** Kills a program with SIGKILL, for an outage. etcd keeps its data; a start of the same program goes on from it. */
  async crash(name: 'kube-apiserver' | 'kube-controller-manager'): Promise<void> {
    await this.#children.get(name)?.kill();
    this.#children.delete(name);
  }

  /** The program stays, and its connections too, but it does nothing: a hang. */
  freeze(name: 'kube-apiserver' | 'kube-controller-manager' | 'etcd'): void {
    this.#children.get(name)?.signal('SIGSTOP');
  }

  thaw(name: 'kube-apiserver' | 'kube-controller-manager' | 'etcd'): void {
    this.#children.get(name)?.signal('SIGCONT');
  }

  /**
   * Lets etcd forget all but the present: continue tokens of older lists, and watches from older resourceVersions that
   * reach etcd, are then 410 Expired.
   */
  async compact(): Promise<void> {
    await compactEtcd(join(this.directory, 'localhost:0'));
  }

  /** Makes the namespace, and waits until its default service account is there, without which it refuses pods. */
  async namespace(name: string, labels: Record<string, string> = {}): Promise<string> {
    await this.client.create('/api/v1/namespaces', { metadata: { name, labels } });
    if (this.#options.controllers !== false)
      await this.#until(`namespace ${name} has its service account`, async () => {
        const account = await this.client.find(`/api/v1/namespaces/${name}/serviceaccounts/default`);
        return account !== undefined;
      });
    return name;
  }

  /** A token by TokenRequest, as kubelets get those they project. The service account must be there. */
  async token({ namespace, name }: AccountRef, options: TokenOptions = {}): Promise<string> {
    const { audiences, expirationSeconds, pod } = options;
    const answer = await this.client.create<{ status: { token: string } }>(
      `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          ...(audiences ? { audiences } : {}),
          ...(expirationSeconds ? { expirationSeconds } : {}),
          ...(pod ? { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', ...pod } } : {}),
        },
      },
    );
    return answer.status.token;
  }

  /** Path of a kubeconfig that acts as this service account. Makes the account when it is not there. */
  async kubeconfigFor(account: AccountRef, options: TokenOptions = {}): Promise<string> {
    await this.client
      .create(`/api/v1/namespaces/${account.namespace}/serviceaccounts`, { metadata: { name: account.name } })
      .catch((error: unknown) => {
        if (!(error instanceof StatusError && error.reason === 'AlreadyExists')) throw error;
      });
    const credentials = { token: await this.token(account, options) };
    return this.#writeKubeconfig({ credentials, namespace: account.namespace });
  }

  /** Path of a kubeconfig that acts as this user, by a client certificate. */
  async certificateKubeconfigFor(subject: Subject): Promise<string> {
    return this.#writeKubeconfig({ credentials: await this.#authority.client(subject) });
  }

  /** What was asked since the start, oldest first. Needs the option `audit`. */
  async auditEvents(): Promise<AuditEvent[]> {
    return readAuditLog(join(this.directory, 'audit.log'));
  }

  /** Runs kubectl as the administrator. @returns what it printed. @throws Error with what it said when it fails. */
  kubectl(args: readonly string[], options: { input?: string; kubeconfig?: string } = {}): Promise<string> {
    const { input, kubeconfig = this.kubeconfig } = options;
    return run(
      kubeProgram('kubectl'),
      [`--kubeconfig=${kubeconfig}`, `--cache-dir=${this.directory}/kubectl`, ...args],
      {
        cwd: this.directory,
        ...(input === undefined ? {} : { input }),
      },
    );
  }

  /** The last lines that a program logged. */
  log(name: KubeProgram): Promise<string> {
    return readFile(join(this.directory, `${name}.log`), 'utf8');
  }

  /** Process ids of what runs. */
  pids(): number[] {
    return [...this.#children.values()].map((it) => it.pid).filter((it) => it !== undefined);
  }

  async stop(): Promise<void> {
    this.client.close();
    await Promise.all([...this.#children.values()].map((it) => it.kill()));
    this.#children.clear();
    process.removeListener('exit', this.#onExit);
    rmSync(this.directory, { recursive: true, force: true });
  }

  #writeKubeconfig(fields: Pick<Parameters<typeof writeKubeconfig>[1], 'credentials' | 'namespace'>): Promise<string> {
    const path = join(this.directory, `${++this.#kubeconfigs}.kubeconfig`);
    return writeKubeconfig(path, { url: this.url, ca: this.ca, ...fields });
  }

  #start(name: KubeProgram, args: readonly string[]): void {
    const logFile = join(this.directory, `${name}.log`);
    this.#children.set(name, new Child(name, kubeProgram(name), args, { cwd: this.directory, logFile }));
  }

  /** A program that has ended will never make it true. */
  #until(what: string, ask: () => Promise<boolean>): Promise<boolean> {
    const children = [...this.#children.values()];
    return until(
      what,
      () => {
        for (const child of children) child.mustRun();
        return ask();
      },
      { explain: () => children.map((it) => `--- ${it.name}\n${it.log()}`).join('\n') },
    );
  }
}

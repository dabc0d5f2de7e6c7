import type { ClientRequest, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { runName } from '@mediajob/contract';
import { type Job, KubeApiError, type Pod, Secrets, TOKEN_REVIEWS, type TokenReview } from '@mediajob/kube';
import type { SuspiciousEvent } from '@mediajob/service';
import { Registry } from 'prom-client';
import { onTestFinished } from 'vitest';
import { ManualClock, settled } from '../../../packages/kube/test/manual-clock.js';
import { type MemoryServer, World } from '../../../packages/kube/test/memory-api/index.js';
import { RecordedLog } from '../../../packages/kube/test/recorded-log.js';
import { createProgressService, type ProgressService } from '../../src/progress/progress-service.js';
import type { Leader } from '../../src/progress/reports.js';
import { ProgressBook } from '../../src/progress-book.js';
import { aJob, aPod, NAMESPACE, UID } from '../builders.js';
import { DirectApi } from '../direct-api.js';

export const AUDIENCE = 'mediajob.io/progress';
export const SECRET = { namespace: 'mediajob-system', name: 'mediajob-progress-tls' };
export const RUN_ID = runName(UID, { stage: 'convert', shard: 0, attempt: 1, try: 1 });

/** A token as the API server would give a pod. */
interface Token {
  readonly pod: Pod;
  readonly audience: string;
}

export interface Replica {
  readonly service: ProgressService;
  readonly book: ProgressBook;
  readonly log: RecordedLog;
  readonly suspicious: SuspiciousEvent[];
  readonly registry: Registry;
  readonly port: number;
}

export interface ReplicaOptions {
  /** Itself, when left out. */
  leader?: () => Leader;
  /** A free one when left out. */
  port?: number;
}

/** Replicas of the receiver with real TLS, over an API server in memory. Their clock stands until a test moves it. */
export class Fleet {
  readonly server: MemoryServer = new World().server;
  readonly clock = new ManualClock(Date.now());
  readonly job: Job;
  readonly pod: Pod;
  readonly tokens = new Map<string, Token>();
  /** How often the API server was asked whose token one is. */
  reviews = 0;
  /** Whether the API server answers at all. */
  down = false;
  readonly #pods: Pod[] = [];
  #jobs: Job[] = [];
  readonly #stop = new AbortController();

  constructor() {
    this.job = aJob('convert').build();
    this.pod = aPod(this.job).running().build();
    this.put(this.job, this.pod);
    this.server.answer(TOKEN_REVIEWS, (body) => this.#review(body as TokenReview));
    onTestFinished(() => this.#stop.abort());
  }

  put(job: Job, ...pods: Pod[]): void {
    this.#jobs = [...this.#jobs.filter((it) => it.metadata.name !== job.metadata.name), job];
    this.#pods.push(...pods);
  }

  /** A token of the pod, for us unless another audience is given. */
  tokenOf(pod: Pod = this.pod, audience = AUDIENCE): string {
    const token = `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(`${pod.metadata.name}/${this.tokens.size}`).toString('base64url')}.c2ln`;
    this.tokens.set(token, { pod, audience });
    return token;
  }

  async replica({ leader = () => ({ self: true }), port = 0 }: ReplicaOptions = {}): Promise<Replica> {
    const log = new RecordedLog();
    const book = new ProgressBook();
    const registry = new Registry();
    const suspicious: SuspiciousEvent[] = [];
    const { get, post, create, replace } = new DirectApi(this.server);
    const guarded = <Call extends (...args: never[]) => Promise<unknown>>(call: Call) =>
      (async (...args: Parameters<Call>) => {
        if (this.down)
          throw new KubeApiError('The API server cannot be reached.', { status: 0, reason: 'Unreachable' });
        return call(...args);
      }) as Call;
    const service = createProgressService({
      api: { get: guarded(get), post: guarded(post) },
      environment: { clock: this.clock, random: () => 0.5, log },
      registry,
      audit: { suspicious: (event) => void suspicious.push(event) },
      host: '127.0.0.1',
      port,
      url: 'https://localhost:8443',
      audience: AUDIENCE,
      secret: SECRET,
      madeBy: 'us',
      book,
      leader,
      cluster: () => ({
        pod: async (ref, uid) => this.#find(this.#pods, ref, uid),
        job: async (ref, uid) => this.#find(this.#jobs, ref, uid),
      }),
    });
    await service.server.start();
    onTestFinished(() => service.server.close());
    this.maintain = () => void service.maintain({ get, create, replace }, this.#stop.signal);
    return { service, book, log, suspicious, registry, port: service.server.port };
  }

  /** Makes the keys, as the leader does; of the last replica. */
  maintain: () => void = () => undefined;

  /** A replica that leads, with its keys. */
  async leader(): Promise<Replica> {
    const replica = await this.replica();
    this.maintain();
    await this.keys(replica);
    return replica;
  }

  /** Waits until a replica has keys to serve with. */
  async keys(replica: Replica): Promise<void> {
    while (replica.service.config.authorities() === '') {
      await settled();
      if (this.server.find(Secrets, SECRET) !== undefined) await this.clock.advance(5_000);
    }
  }

  #find<T extends Pod | Job>(all: readonly T[], ref: { namespace: string; name: string }, uid: string): T | undefined {
    return all.find(
      ({ metadata }) => metadata.namespace === ref.namespace && metadata.name === ref.name && metadata.uid === uid,
    );
  }

  #review(review: TokenReview): TokenReview {
    this.reviews += 1;
    const { token, audiences = [] } = review.spec;
    const known = this.tokens.get(token);
    if (known === undefined || !audiences.includes(known.audience)) {
      return { ...review, status: { authenticated: false, error: 'invalid bearer token' } };
    }
    const extra = {
      'authentication.kubernetes.io/pod-name': [known.pod.metadata.name],
      'authentication.kubernetes.io/pod-uid': [known.pod.metadata.uid],
    };
    const user = { username: `system:serviceaccount:${NAMESPACE}:default`, extra };
    return { ...review, status: { authenticated: true, audiences: [known.audience], user } };
  }
}

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  problem: { code?: string; detail?: string; errors?: { path: string }[] };
}

/** One request over TLS. Without a token it has none. */
export function send(
  replica: Replica,
  options: {
    ca?: string;
    token?: string;
    body?: unknown;
    path?: string;
    method?: string;
    write?: (request: ClientRequest) => void;
  } = {},
): Promise<Answer> {
  const { token, path = '/v1/progress', method = 'POST', ca = replica.service.config.authorities() } = options;
  const { body = { runId: RUN_ID, progress: { fraction: 0.5 } } } = options;
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: 'localhost',
        port: replica.port,
        path,
        method,
        ca,
        headers: {
          'content-type': 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        agent: false,
      },
      (response) => void answerOf(response).then(resolve, reject),
    );
    sent.on('error', reject);
    if (options.write !== undefined) options.write(sent);
    else sent.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  let text = '';
  for await (const piece of response.setEncoding('utf8')) text += piece;
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    problem: text === '' ? {} : JSON.parse(text),
  };
}

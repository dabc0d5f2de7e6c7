import { createHash } from 'node:crypto';
import { type Clock, type KubeApi, TOKEN_REVIEWS, type TokenReview } from '@mediajob/kube';

/** Whose token it is: which pod, not merely which ServiceAccount. */
export interface PodIdentity {
  readonly namespace: string;
  readonly podName: string;
  readonly podUid: string;
  readonly serviceAccount: string;
}

export interface TokenVerdictsOptions {
  readonly api: Pick<KubeApi, 'post'>;
  /** That the token has to be meant for: a pod's token for the API server, or for anybody else, is none of ours. */
  readonly audience: string;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** For so long a verdict holds, in ms; a pod that is gone is noticed at once, because it is looked up each time. */
const VALID_MS = 60_000;
const REFUSED_MS = 10_000;
const MOST_VERDICTS = 10_000;
const MOST_TOKEN_BYTES = 8192;
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;
const EXTRA = 'authentication.kubernetes.io';

interface Verdict {
  readonly identity: PodIdentity | undefined;
  readonly until: number;
}

/** Asks the API server whose token it is, once a minute for each. Only the SHA-256 of a token is kept. */
export class TokenVerdicts {
  readonly #options: TokenVerdictsOptions;
  /** In the order in which they were given. */
  readonly #verdicts = new Map<string, Verdict>();
  readonly #asked = new Map<string, Promise<PodIdentity | undefined>>();

  constructor(options: TokenVerdictsOptions) {
    this.#options = options;
  }

  /** Whether asking about this token costs a question to the API server. */
  knows(token: string): boolean {
    return this.#known(hashOf(token)) !== undefined;
  }

  /**
   * @returns undefined for a token that is forged, has run out, is for another audience, or is not a pod's
   * @throws KubeApiError when the API server gives no verdict
   */
  async identify(token: string): Promise<PodIdentity | undefined> {
    if (token.length > MOST_TOKEN_BYTES || !JWT.test(token)) return undefined;
    const hash = hashOf(token);
    const known = this.#known(hash);
    if (known !== undefined) return known.identity;
    const asked = this.#asked.get(hash) ?? this.#ask(hash, token);
    this.#asked.set(hash, asked);
    try {
      return await asked;
    } finally {
      this.#asked.delete(hash);
    }
  }

  #known(hash: string): Verdict | undefined {
    const verdict = this.#verdicts.get(hash);
    return verdict !== undefined && this.#options.clock.monotonic() < verdict.until ? verdict : undefined;
  }

  async #ask(hash: string, token: string): Promise<PodIdentity | undefined> {
    const { api, audience, clock } = this.#options;
    const review: TokenReview = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences: [audience] },
    };
    // From before the question: the answer may be that old.
    const askedAt = clock.monotonic();
    const identity = identityOf(await api.post<TokenReview>(TOKEN_REVIEWS, review), audience);
    this.#verdicts.delete(hash);
    this.#verdicts.set(hash, { identity, until: askedAt + (identity === undefined ? REFUSED_MS : VALID_MS) });
    for (const oldest of this.#verdicts.keys()) {
      if (this.#verdicts.size <= MOST_VERDICTS) break;
      this.#verdicts.delete(oldest);
    }
    return identity;
  }
}

function identityOf({ status }: TokenReview, audience: string): PodIdentity | undefined {
  if (status?.authenticated !== true || status.audiences?.includes(audience) !== true) return undefined;
  const [, namespace, serviceAccount] = SERVICE_ACCOUNT.exec(status.user?.username ?? '') ?? [];
  const extra = (name: string) => status.user?.extra?.[`${EXTRA}/${name}`]?.[0];
  const podName = extra('pod-name');
  const podUid = extra('pod-uid');
  if (namespace === undefined || serviceAccount === undefined || !podName || !podUid) return undefined;
  return { namespace, podName, podUid, serviceAccount };
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

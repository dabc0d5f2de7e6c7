import type { ProgressReport } from '@mediajob/contract';
import { type Clock, KubeApiError } from '@mediajob/kube';
import { ProblemError } from '@mediajob/service';
import type { ProgressBook } from '../progress-book.js';
import type { LeaderAnswer, LeaderLink } from './leader-link.js';
import { ownedRun, type PodsAndJobs } from './owned-run.js';
import { unauthorized } from './read-report.js';
import { TokenBuckets } from './token-buckets.js';
import type { PodIdentity, TokenVerdicts } from './token-verdicts.js';

/** Who leads, as far as this replica knows. */
export interface Leader {
  readonly self: boolean;
  /** host:port of the leader's receiver. */
  readonly address?: string;
}

export interface ReportsOptions {
  readonly verdicts: Pick<TokenVerdicts, 'identify' | 'knows'>;
  readonly cluster: PodsAndJobs;
  readonly book: Pick<ProgressBook, 'update'>;
  leader(): Leader;
  readonly link: Pick<LeaderLink, 'send'>;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** What became of a report. */
export type Taken =
  | { readonly outcome: 'taken' | 'unchanged' }
  | { readonly outcome: 'forwarded'; readonly answer: LeaderAnswer };

/** Where a report came from. */
export interface ReportSender {
  readonly token: string;
  readonly address: string;
  /** By another replica, which has verified it already. */
  readonly forwarded: boolean;
}

/** A run reports four times a second at most, and comes back with what it could not tell. */
const PER_POD = { burst: 20, perSecond: 5 };
/** Tokens that are not known to be good cost a question to the API server: who sends many bad ones may ask no more. */
const BAD_TOKENS = { burst: 20, perSecond: 0.2 };

/**
 * Takes reports of runs: whose token it is, whether that pod runs what it reports for, and who keeps it. Every replica
 * verifies everything itself; the leader alone has the book, so others pass on to it what they have verified.
 */
export class Reports {
  readonly #options: ReportsOptions;
  readonly #perPod: TokenBuckets;
  readonly #badTokens: TokenBuckets;

  constructor(options: ReportsOptions) {
    this.#options = options;
    this.#perPod = new TokenBuckets({ ...PER_POD, clock: options.clock });
    this.#badTokens = new TokenBuckets({ ...BAD_TOKENS, clock: options.clock });
  }

  /**
   * Before anything of the body is read.
   * @throws ProblemError unauthorized, too-many-requests, busy
   */
  async identify({ token, address }: ReportSender): Promise<PodIdentity> {
    const { verdicts } = this.#options;
    if (!verdicts.knows(token) && !this.#badTokens.has(address)) throw tooMany(this.#badTokens.waitMs(address));
    const identity = await asked(() => verdicts.identify(token));
    if (identity === undefined) {
      this.#badTokens.take(address);
      throw unauthorized('The token is not one of a pod for this receiver, or has run out.');
    }
    if (!this.#perPod.take(identity.podUid)) throw tooMany(this.#perPod.waitMs(identity.podUid));
    return identity;
  }

  /** @throws ProblemError not-found, forbidden, conflict, no-leader, busy */
  async take(sender: ReportSender, identity: PodIdentity, report: ProgressReport): Promise<Taken> {
    const { cluster, book, link } = this.#options;
    const { runId, progress, usage } = report;
    const uid = await asked(() => ownedRun(cluster, identity, runId));
    // Asked for only now: leadership may have come or gone meanwhile.
    const leader = this.#options.leader();
    if (leader.self) return { outcome: book.update(uid, runId, progress, usage) ? 'taken' : 'unchanged' };
    if (leader.address === undefined || sender.forwarded) throw noLeader();
    try {
      return { outcome: 'forwarded', answer: await link.send(leader.address, sender.token, report) };
    } catch (error) {
      throw noLeader(error);
    }
  }
}

async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof KubeApiError)) throw error;
    throw new ProblemError('busy', 'The API server gives no answer at the moment. Try again shortly.', {
      headers: { 'retry-after': String(Math.ceil((error.retryAfterMs ?? 5_000) / 1000)) },
      cause: error,
    });
  }
}

function tooMany(waitMs: number): ProblemError {
  return new ProblemError('too-many-requests', 'These are too many. Send the newest progress alone, and later.', {
    headers: { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))) },
  });
}

function noLeader(cause?: unknown): ProblemError {
  return new ProblemError('no-leader', 'No replica that leads can be reached at the moment. Try again shortly.', {
    headers: { 'retry-after': '5' },
    ...(cause === undefined ? {} : { cause }),
  });
}

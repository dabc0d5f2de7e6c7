import type { ProblemCode } from '@mediajob/contract';
import type { Clock } from '@mediajob/kube';
import type { AuditLog, ProblemError, SuspiciousKind } from '@mediajob/service';
import { TokenBuckets } from './token-buckets.js';

const KINDS: Partial<Record<ProblemCode, SuspiciousKind>> = {
  unauthorized: 'bad-token',
  forbidden: 'foreign-run',
  'too-many-requests': 'rate-limited',
  'body-too-large': 'malformed-request',
  'invalid-request': 'malformed-request',
  'validation-failed': 'malformed-request',
};

/** Lines an address may cause: whoever sends many bad reports must not fill the log with them. */
const LINES = { burst: 10, perSecond: 0.1 };

/** Writes refused reports that no Job of ours would send to the audit log. */
export class SuspiciousReports {
  readonly #audit: Pick<AuditLog, 'suspicious'>;
  readonly #lines: TokenBuckets;

  constructor(audit: Pick<AuditLog, 'suspicious'>, clock: Pick<Clock, 'monotonic'>) {
    this.#audit = audit;
    this.#lines = new TokenBuckets({ ...LINES, clock });
  }

  tell(problem: ProblemError, address: string, instance: string): void {
    const kind = KINDS[problem.code];
    if (kind === undefined || !this.#lines.take(address)) return;
    this.#audit.suspicious({ kind, actor: address, detail: { instance, why: problem.message } });
  }
}

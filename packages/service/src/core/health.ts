/** What a check found. */
export interface HealthFinding {
  status: 'up' | 'degraded' | 'down';
  /** For people: what is wrong and what to do next. */
  message?: string;
  /** Anything more worth showing, such as versions and free bytes. */
  data?: Record<string, unknown>;
}

export interface HealthCheck {
  name: string;
  /**
   * own: without it this service cannot do its own work, so `down` makes it not ready.
   * peer: another service; its being down only degrades this one.
   */
  kind: 'own' | 'peer';
  /** May throw: that is `down` with the error's text. */
  check(signal: AbortSignal): Promise<HealthFinding>;
  /** Longest time in ms until it counts as down; 2 s when left out. */
  timeoutMs?: number;
  /** Time in ms for which a finding is told again without another check; 5 s when left out. */
  ttlMs?: number;
}

/**
 * One check that is never run twice at once and whose caller never waits longer than the time limit: a network file
 * system that hangs costs one waiting operation, not one a probe.
 */
export class CachedCheck {
  readonly name: string;
  readonly kind: HealthCheck['kind'];
  readonly #check: HealthCheck;
  #last: { finding: HealthFinding; at: number } | undefined;
  #running: Promise<HealthFinding> | undefined;

  constructor(check: HealthCheck) {
    this.name = check.name;
    this.kind = check.kind;
    this.#check = check;
  }

  /** Never rejects. A peer that is down is told as `degraded`. */
  async find(): Promise<HealthFinding> {
    const { ttlMs = 5000, timeoutMs = 2000 } = this.#check;
    if (this.#last !== undefined && Date.now() - this.#last.at < ttlMs) return this.#told(this.#last.finding);
    const hung = this.#running !== undefined;
    this.#running ??= this.#run(timeoutMs);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<HealthFinding>((resolve) => {
      const message = `did not answer within ${timeoutMs} ms${hung ? ', again' : ''}`;
      timer = setTimeout(() => resolve({ status: 'down', message }), timeoutMs);
    });
    const finding = await Promise.race([this.#running, timeout]);
    clearTimeout(timer);
    return this.#told(finding);
  }

  #told(finding: HealthFinding): HealthFinding {
    return this.kind === 'peer' && finding.status === 'down' ? { ...finding, status: 'degraded' } : finding;
  }

  async #run(timeoutMs: number): Promise<HealthFinding> {
    try {
      const finding = await this.#check.check(AbortSignal.timeout(timeoutMs));
      this.#last = { finding, at: Date.now() };
      return finding;
    } catch (error) {
      const finding: HealthFinding = {
        status: 'down',
        message: error instanceof Error ? error.message : String(error),
      };
      this.#last = { finding, at: Date.now() };
      return finding;
    } finally {
      this.#running = undefined;
    }
  }
}

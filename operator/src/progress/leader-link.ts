import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { PROGRESS_REPORT_MAX_BYTES, type ProgressReport } from '@mediajob/contract';
import type { Keyring } from './keyring.js';

/** Says that a replica has looked at a report already: whoever gets it takes it or refuses it, and passes it on no more. */
export const FORWARDED = 'x-mediajob-forwarded';

/** What the leader answered; `body` is its problem, where it has one. */
export interface LeaderAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

const TIMEOUT_MS = 3_000;

/**
 * The way to the replica that leads. Its address is that of its pod, which no certificate names: what is verified is that
 * it shows the certificate of the receiver, by the authorities that all replicas know.
 */
export class LeaderLink {
  readonly #keyring: Keyring;
  /** As in the receiver's certificate. */
  readonly #serverName: string;
  #agent: Agent | undefined;
  readonly #forget: () => void;

  constructor(keyring: Keyring, serverName: string) {
    this.#keyring = keyring;
    this.#serverName = serverName;
    this.#forget = keyring.onChange(() => this.#drop());
  }

  /**
   * @param address host:port
   * @throws when nothing was answered in time, or by somebody else
   */
  async send(address: string, token: string, report: ProgressReport): Promise<LeaderAnswer> {
    const body = JSON.stringify(report);
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      [FORWARDED]: '1',
    };
    const url = new URL(`https://${address}/v1/progress`);
    this.#agent ??= this.#newAgent();
    const agent = this.#agent;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    return new Promise((resolve, reject) => {
      const sent = request(
        url,
        { method: 'POST', agent, servername: this.#serverName, headers, signal },
        (response) => {
          answerOf(response).then(resolve, reject);
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  close(): void {
    this.#forget();
    this.#drop();
  }

  #newAgent(): Agent {
    const ca = this.#keyring.authorities();
    return new Agent({ keepAlive: true, maxSockets: 8, minVersion: 'TLSv1.3', ...(ca === '' ? {} : { ca }) });
  }

  /** What is under way ends with its own connection. */
  #drop(): void {
    this.#agent?.destroy();
    this.#agent = undefined;
  }
}

async function answerOf(response: IncomingMessage): Promise<LeaderAnswer> {
  let body = '';
  for await (const piece of response.setEncoding('utf8')) {
    if (body.length < PROGRESS_REPORT_MAX_BYTES) body += piece;
  }
  return { status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'], body };
}

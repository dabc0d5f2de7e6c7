import { HttpKubeApi } from '../../src/client.js';
import { type Clock, systemClock } from '../../src/environment.js';
import type { ServerAccess } from '../../src/server-access.js';
import type { TransportOptions } from '../../src/transport.js';
import { RecordedLog } from '../recorded-log.js';
import { type Authority, anAuthority } from './certificates.js';
import { LoopbackServer, type Respond } from './loopback-server.js';

/** A limit that no test reaches; shorter times pass at once on a {@link HurriedClock}. */
const PATIENCE_MS = 60_000;

/** Pauses take no time and are written down; limits of a minute and more take their time. */
export class HurriedClock implements Clock {
  readonly pauses: number[] = [];

  now(): number {
    return systemClock.now();
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  after(ms: number, call: () => void): () => void {
    if (ms >= PATIENCE_MS) return systemClock.after(ms, call);
    this.pauses.push(ms);
    return systemClock.after(0, call);
  }
}

/** Access with a token that never changes. */
export function fixedAccess(url: string, ca: string): ServerAccess {
  return {
    namespace: undefined,
    current: async () => ({ server: new URL(url), headers: { Authorization: 'Bearer secret-token' }, tls: { ca } }),
    renew: async () => {},
  };
}

export function aClient(url: string, ca: string, options: Partial<TransportOptions> = {}): HttpKubeApi {
  return new HttpKubeApi({
    access: fixedAccess(url, ca),
    environment: { clock: systemClock, random: () => 1, log: new RecordedLog() },
    timeoutMs: PATIENCE_MS,
    watchStallMs: PATIENCE_MS,
    ...options,
  });
}

/** Ends what a test began, last first; for `afterEach`. */
export class Ends {
  readonly #ends: (() => unknown)[] = [];

  add(end: () => unknown): void {
    this.#ends.push(end);
  }

  readonly all = async (): Promise<void> => {
    for (const end of this.#ends.splice(0).reverse()) await end();
  };
}

let authority: Promise<Authority> | undefined;

/** The same one for all tests of a file. */
export function theAuthority(): Promise<Authority> {
  authority ??= anAuthority('loopback');
  return authority;
}

/** A server, and a client whose pauses take no time. */
export async function connected(ends: Ends, respond: Respond, options: Partial<TransportOptions> = {}) {
  const trusted = await theAuthority();
  const server = await LoopbackServer.start(trusted, respond);
  ends.add(() => server.stop());
  const clock = new HurriedClock();
  const environment = { clock, random: () => 1, log: new RecordedLog() };
  const api = aClient(server.url, trusted.pem, { environment, ...options });
  ends.add(() => api.close());
  return { server, api, clock };
}

import { HttpKubeApi } from '../../src/client.js';
import { type Environment, systemClock } from '../../src/environment.js';
import type { ServerAccess } from '../../src/server-access.js';
import type { TransportOptions } from '../../src/transport.js';
import { RecordedLog } from '../recorded-log.js';

export function anEnvironment(): Environment {
  return { clock: systemClock, random: Math.random, log: new RecordedLog() };
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
    environment: anEnvironment(),
    retry: { backoffMs: 1, maxBackoffMs: 4 },
    ...options,
  });
}

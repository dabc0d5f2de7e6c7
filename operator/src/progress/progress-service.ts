import type { Environment, KubeApi, LeaderElector, ManagedServer, ObjectRef } from '@mediajob/kube';
import type { AuditLog } from '@mediajob/service';
import type { Registry } from 'prom-client';
import type { ProgressConfig } from '../job-config.js';
import type { ProgressBook } from '../progress-book.js';
import { LeaderLink } from './leader-link.js';
import type { PodsAndJobs } from './owned-run.js';
import { ProgressReceiver } from './receiver.js';
import { type Leader, Reports } from './reports.js';
import { SecretKeyring } from './secret-keyring.js';
import { TokenVerdicts } from './token-verdicts.js';

/** Annotation of the Lease: host:port at which the holder's receiver is reached by other replicas. */
export const ADDRESS_ANNOTATION = 'mediajob.io/address';

export interface ProgressServiceOptions {
  readonly api: Pick<KubeApi, 'get' | 'post'>;
  readonly environment: Environment;
  readonly registry: Registry;
  readonly audit: Pick<AuditLog, 'suspicious'>;
  /** To listen on. */
  readonly host: string;
  readonly port: number;
  /** By which Jobs reach the receiver; its host is the name in the certificate. */
  readonly url: string;
  readonly audience: string;
  readonly secret: Required<ObjectRef>;
  /** Who makes and renews what is in the Secret. */
  readonly madeBy: 'us' | 'others';
  readonly book: Pick<ProgressBook, 'update'>;
  /** Asked when a report comes, so it may be put together later. */
  cluster(): PodsAndJobs;
  leader(): Leader;
}

/** Everything about progress that a replica runs. */
export interface ProgressService {
  /** The receiver, and what keeps its keys up to date: on each replica. */
  readonly server: ManagedServer & Pick<ProgressReceiver, 'port'>;
  /** For the Jobs that are made. */
  readonly config: ProgressConfig;
  /** Makes and renews the keys, on the leader alone, with its fenced API; it ends at once where others do that. */
  maintain(api: Pick<KubeApi, 'get' | 'create' | 'replace'>, signal: AbortSignal): Promise<void>;
}

/** Puts receiver, keys and verdicts together. */
export function createProgressService(options: ProgressServiceOptions): ProgressService {
  const { api, environment, registry, audit, host, port, url, audience, secret, madeBy, book } = options;
  const serverName = new URL(url).hostname;
  const keyring = new SecretKeyring({ api, secret, names: [serverName], environment, madeBy });
  const link = new LeaderLink(keyring, serverName);
  const reports = new Reports({
    verdicts: new TokenVerdicts({ api, audience, clock: environment.clock }),
    cluster: {
      pod: (ref, uid) => options.cluster().pod(ref, uid),
      job: (ref, uid) => options.cluster().job(ref, uid),
    },
    book,
    leader: () => options.leader(),
    link,
    clock: environment.clock,
  });
  const receiver = new ProgressReceiver({ host, port, keyring, reports, audit, environment, registry });
  const reading = new AbortController();
  let read = Promise.resolve();
  return {
    server: {
      name: receiver.name,
      get port() {
        return receiver.port;
      },
      async start() {
        await receiver.start();
        read = keyring.run(reading.signal);
      },
      async close() {
        reading.abort();
        link.close();
        await Promise.all([receiver.close(), read]);
      },
    },
    config: { url, audience, authorities: () => keyring.authorities() },
    maintain: async (fenced, signal) => {
      if (madeBy === 'us') await keyring.maintain(fenced, signal);
    },
  };
}

/** Who leads, by the Lease; without an election this process alone does. */
export function leaderOf(elector: Pick<LeaderElector, 'leadership' | 'holder'> | undefined): Leader {
  if (elector === undefined || elector.leadership !== undefined) return { self: true };
  const address = elector.holder?.annotations[ADDRESS_ANNOTATION];
  return { self: false, ...(address !== undefined && { address }) };
}

import { MediaJobStatus } from '@mediajob/contract';
import type { Clock } from '@mediajob/kube';
import { findCondition } from '@mediajob/pipeline';
import { RecordedLog } from '../../packages/kube/test/recorded-log.js';
import type { JobConfig } from '../src/job-config.js';
import type { OperatorConfig } from '../src/operator-config.js';
import { type Profiles, parseProfiles, profilesOf } from '../src/profiles.js';
import { ProgressBook } from '../src/progress-book.js';
import { MediaJobReconciler, type ReconcilerOptions, type Telling } from '../src/reconciler.js';
import { NAMESPACE } from './builders.js';
import { DirectApi } from './direct-api.js';
import { SmallCluster } from './small-cluster.js';

export const JOB_CONFIG: JobConfig = {
  converterImage: 'converter:1',
  transcriberImage: 'transcriber:1',
  imagePullPolicy: 'IfNotPresent',
  imagePullSecrets: [],
  mediaClaim: 'media',
  modelsClaim: 'models',
  serviceAccount: 'default',
  logLevel: 'info',
  reserveBytes: 0,
  ttlSeconds: 3600,
};

export const CONFIG: OperatorConfig = {
  jobs: JOB_CONFIG,
  plan: { chunkTargetMs: 300_000, chunksPerShard: 2 },
  maxDurationMs: 86_400_000,
  nodeLostAfterMs: 15 * 60_000,
};

export const KEY = `${NAMESPACE}/talk`;

/** A reconciler and a cluster that does at once what it is told: each test is a story of one MediaJob. */
export class Rig {
  readonly cluster = new SmallCluster();
  readonly log = new RecordedLog();
  readonly api = new DirectApi(this.cluster.server);
  readonly book = new ProgressBook();
  readonly told: Telling[] = [];
  profiles: Profiles = profilesOf({ profiles: {} });
  readonly #options: Partial<ReconcilerOptions>;
  reconciler: MediaJobReconciler;

  constructor(options: Partial<ReconcilerOptions> = {}) {
    this.#options = options;
    this.reconciler = this.restart();
  }

  /** Another process takes over: it knows nothing but what the cluster has. */
  restart(options: Partial<ReconcilerOptions> = {}): MediaJobReconciler {
    const { cluster, api, book, told } = this;
    const clock: Clock = { now: () => cluster.now, monotonic: () => cluster.now, after: () => () => {} };
    const profiles: Profiles = {
      pod: (name, stage) => this.profiles.pod(name, stage),
      get names() {
        return [];
      },
    };
    this.reconciler = new MediaJobReconciler({
      api,
      view: cluster,
      clock,
      config: CONFIG,
      profiles: { ...profiles, names: this.profiles.names },
      book,
      tell: (telling) => told.push(telling),
      ...this.#options,
      ...options,
    });
    return this.reconciler;
  }

  useProfiles(yaml: string): void {
    this.profiles = profilesOf(parseProfiles(yaml));
    this.restart();
  }

  /** One look at the MediaJob. */
  async reconcile(): Promise<number | undefined> {
    const { signal } = new AbortController();
    return (await this.reconciler.reconcile(KEY, { signal, log: this.log })).requeueAfterMs;
  }

  /**
   * Looks until nothing more follows at this moment.
   * @returns ms until it wants to look again
   */
  async settle(): Promise<number | undefined> {
    for (let round = 0; round < 40; round++) {
      const before = this.cluster.server.version;
      const after = await this.reconcile();
      this.cluster.jobController.sync();
      if (this.cluster.server.version === before && after !== 0) return after;
    }
    throw new Error('it does not come to rest');
  }

  async pass(seconds: number): Promise<void> {
    this.cluster.now += seconds * 1000;
    await this.settle();
  }

  get status(): MediaJobStatus {
    return MediaJobStatus.parse(this.cluster.mediaJobObject?.status ?? {});
  }
  condition(type: Parameters<typeof findCondition>[1]) {
    return findCondition(this.status.conditions, type);
  }
  get jobNames(): string[] {
    return this.cluster.jobs.map(({ metadata }) => metadata.name).sort();
  }
  get reasons(): string[] {
    return this.told.map(({ reason }) => reason);
  }
}

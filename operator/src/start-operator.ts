import { type JobId, TERMINAL_PHASES } from '@mediajob/contract';
import {
  annotationsChanged,
  anyOf,
  Controller,
  type Environment,
  EventRecorder,
  fenced,
  generationChanged,
  Informers,
  type KubeApi,
  keyOf,
  LeaderElector,
  type Leadership,
  type LeaderWork,
  labelsChanged,
  type ManagedInformer,
  type ManagedServer,
  Manager,
  type ManagerEnd,
} from '@mediajob/kube';
import { Registry } from 'prom-client';
import { InformedView } from './informed-view.js';
import { JobMetrics } from './job-metrics.js';
import { leaveHome } from './leave-home.js';
import type { MediaJobObject } from './media-job-kind.js';
import type { OperatorConfig } from './operator-config.js';
import { type Profiles, profilesOf } from './profiles.js';
import { ProgressBook } from './progress-book.js';
import { MediaJobReconciler } from './reconciler.js';

export interface Election {
  readonly namespace: string;
  readonly name: string;
  /** Another one for each process, also after a restart. */
  readonly identity: string;
  /** Put on the Lease for the other replicas, such as the address of this one. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly leaseDurationMs?: number;
  readonly renewDeadlineMs?: number;
  readonly retryPeriodMs?: number;
}

export interface OperatorOptions {
  readonly api: KubeApi;
  readonly environment: Environment;
  readonly config: OperatorConfig;
  readonly registry?: Registry;
  /** Left out: the built-in default alone. */
  readonly profiles?: Profiles & { onChange?(listener: () => void): void };
  /** Where the receiver of progress writes; one of its own when left out. */
  readonly book?: ProgressBook;
  /** Left out: all. */
  readonly namespaces?: readonly string[];
  /** Namespace of the operator itself. Left out: its deletion is no different from any other end. */
  readonly home?: string;
  /** Whether Kueue's Workloads are read, or how to find out at the start; they are not, when left out. */
  readonly kueue?: boolean | ((signal: AbortSignal) => Promise<boolean>);
  /** Left out: this process alone works. */
  readonly election?: Election;
  /** Of this process, in events. */
  readonly instance?: string;
  /** MediaJobs looked at at once; 8 when left out. */
  readonly reconciles?: number;
  /** Longest pause in ms between failures of one MediaJob; 5 min when left out. */
  readonly maxBackoffMs?: number;
  /** What runs beside on each replica, such as health endpoints and the receiver. */
  readonly servers?: readonly ManagedServer[];
  /** What only the leader does beside; each runs until its signal is aborted. */
  loops?(leadership: Leadership, api: KubeApi): readonly ((signal: AbortSignal) => Promise<void>)[];
  readonly drainMs?: number;
  readonly graceMs?: number;
  /** Longest time in ms for what is left to be written at the end; `graceMs` when left out. */
  readonly finishMs?: number;
  /** Pause in ms between two looks at whether the event loop moves; 1 s when left out. */
  readonly beatMs?: number;
}

/** An operator that has been put together; it does nothing until it is run. */
export interface Operator {
  readonly view: InformedView;
  readonly informers: Informers;
  readonly book: ProgressBook;
  readonly elector: LeaderElector | undefined;
  readonly manager: Pick<Manager, 'ready' | 'live' | 'leading'>;
  /**
   * Once in its life.
   * @returns `lost` when leadership was lost: the process had better end then, and begin anew
   */
  run(stop: AbortSignal): Promise<ManagerEnd>;
}

const REPORTING_CONTROLLER = 'mediajob.io/operator';
/** Progress comes every two seconds from each of many runs: one look serves them all. */
const PROGRESS_TOGETHER_MS = 500;

/**
 * The whole operator from its parts, without a process around it: with a server in memory and a clock of a test it is the
 * same program. Every replica keeps its memory of the cluster warm; the one that holds the Lease works.
 */
export function createOperator(options: OperatorOptions): Operator {
  const { api, environment, namespaces, registry = new Registry(), book = new ProgressBook() } = options;
  const informers = new Informers({
    api,
    environment,
    registry,
    ...(namespaces !== undefined && { namespaces }),
  });
  const view = new InformedView(informers);
  const metrics = new JobMetrics(registry, () => view.phases());
  const { election, servers, drainMs, graceMs, finishMs, beatMs } = options;
  const elector =
    election === undefined
      ? undefined
      : new LeaderElector({
          api,
          environment,
          registry,
          lease: { namespace: election.namespace, name: election.name },
          ...election,
        });
  const manager = new Manager({
    environment,
    informers: [memoryOf(informers, view, options.kueue ?? false)],
    ...(servers !== undefined && { servers }),
    ...(elector !== undefined && { elector }),
    ...(drainMs !== undefined && { drainMs }),
    ...(graceMs !== undefined && { graceMs }),
    ...(finishMs !== undefined && { finishMs }),
    ...(beatMs !== undefined && { beatMs }),
    lead: (leadership) => lead({ ...options, registry, book }, view, metrics, leadership),
  });
  return { view, informers, book, elector, manager, run: (stop) => manager.run(stop) };
}

/** An operator at work inside this process, as tests have it. */
export interface RunningOperator extends Operator {
  /** Settles when it has ended, whoever ended it. */
  readonly ended: Promise<ManagerEnd>;
  /** Ends it in order: the Lease is released. */
  stop(): Promise<ManagerEnd>;
}

/** Runs an operator until it is stopped. */
export function startOperator(options: OperatorOptions): RunningOperator {
  const operator = createOperator(options);
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  return {
    ...operator,
    ended,
    stop: () => {
      stop.abort();
      return ended;
    },
  };
}

/** All informers as one, which begins when it is known what there is to read. */
function memoryOf(
  informers: Informers,
  view: InformedView,
  kueue: NonNullable<OperatorOptions['kueue']>,
): ManagedInformer {
  const synced = Promise.withResolvers<void>();
  return {
    synced: synced.promise,
    run: async (signal) => {
      if (typeof kueue === 'boolean' ? kueue : await kueue(signal)) view.readWorkloads();
      const running = informers.run(signal);
      void informers.synced().then(synced.resolve);
      await running;
    },
  };
}

type Leading = OperatorOptions & { readonly registry: Registry; readonly book: ProgressBook };

function lead(options: Leading, view: InformedView, metrics: JobMetrics, leadership: Leadership): LeaderWork {
  const { environment, registry, config, book, profiles = profilesOf({ profiles: {} }) } = options;
  const api = fenced(options.api, leadership);
  const recorder = new EventRecorder({
    api,
    environment,
    registry,
    reportingController: REPORTING_CONTROLLER,
    reportingInstance: options.instance ?? options.election?.identity ?? REPORTING_CONTROLLER,
  });
  const reconciler = new MediaJobReconciler({
    api,
    view,
    clock: environment.clock,
    config,
    profiles,
    book,
    tell: (telling) => recorder.record(telling),
    metrics,
  });
  const controller = new Controller<MediaJobObject>({
    name: 'mediajob',
    environment,
    registry,
    primary: view.mediaJobs,
    // What we write into the status ourselves is no news.
    when: anyOf(generationChanged, annotationsChanged(), labelsChanged()),
    watches: view.watches,
    reconcile: (key, context) => reconciler.reconcile(key, context),
    maxConcurrentReconciles: options.reconciles ?? 8,
    maxBackoffMs: options.maxBackoffMs ?? 300_000,
  });
  const endings = [
    book.onChange((uid) => {
      const key = view.keyOf(uid);
      const dueMs = Math.max(PROGRESS_TOGETHER_MS, reconciler.progressDueMs(uid));
      if (key !== undefined) controller.queue.addAfter(key, dueMs);
    }),
    view.mediaJobs.subscribe(({ type, object }) => {
      if (type === 'deleted') reconciler.drop(object.metadata.uid as JobId);
    }),
    // Its MediaJobs were left alone until now, or are to be let go.
    view.onAccess((namespace) => {
      for (const object of view.mediaJobs.store.list(namespace)) controller.enqueue(keyOf(object));
    }),
  ];
  options.profiles?.onChange?.(() => {
    for (const { key, phase } of view.phases()) if (!TERMINAL_PHASES.includes(phase)) controller.enqueue(key);
  });
  return {
    controllers: [controller],
    loops: options.loops?.(leadership, api) ?? [],
    finish: async () => {
      for (const end of endings) end();
      if (options.home !== undefined) await leaveHome(api, options.home, options.namespaces, environment.log);
      await recorder.close(EVENTS_CLOSE_MS);
    },
  };
}

/** Time in ms to write the last events at the end. */
const EVENTS_CLOSE_MS = 1_000;

import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Kind, KubeApi, KubeObject } from '@mediajob/kube';
import type { MetricValue, Registry } from 'prom-client';

// The operator of the benchmark, in a process of its own: `operator-process.ts KUBECONFIG NAMESPACE`. It tells its parent
// what it used when it is asked to, and ends with it.

/** Since the last time it was asked, but for memory and CPU, which are since the start. */
export interface OperatorUse {
  readonly rssMiB: number;
  readonly peakRssMiB: number;
  readonly heapMiB: number;
  readonly cpuSeconds: number;
  /** How late timers came, in ms. */
  readonly lagMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly reconciles: number;
  /** Upper bounds of the histogram's buckets, in s. */
  readonly reconcileSeconds: { readonly p50: number; readonly p99: number };
  /** Of all time that reconciles took since the start, the part in calls of the API, 0 to 1: also waiting for a turn. */
  readonly reconcileShareInCalls: number;
  /** By method: GET is also LIST and WATCH. */
  readonly requests: Readonly<Record<string, number>>;
  /** Answers that were no success. */
  readonly refusals: Readonly<Record<string, number>>;
}

const { HttpKubeApi, kubeConfigAccess, systemClock } = await import('@mediajob/kube');
const { startOperator } = await import('../../operator/dist/start-operator.js');
const { Registry: MetricRegistry } = await import('prom-client');

const [file = '', namespace = ''] = process.argv.slice(2);
const registry = new MetricRegistry();
const quiet = { debug() {}, info() {}, warn: console.error, error: console.error };
const environment = { clock: systemClock, random: Math.random, log: quiet };
const access = await kubeConfigAccess({ file, ...environment });
const api = new HttpKubeApi({ access, environment, registry });
let callSeconds = 0;
startOperator({
  api: timed(api, (seconds) => {
    callSeconds += seconds;
  }),
  environment,
  registry,
  namespaces: [namespace],
  election: { namespace, name: 'mediajob-operator', identity: String(process.pid) },
  config: {
    jobs: {
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
    },
    plan: { chunkTargetMs: 300_000, chunksPerShard: 6 },
    maxDurationMs: 86_400_000,
    nodeLostAfterMs: 900_000,
  },
});

const lag = monitorEventLoopDelay({ resolution: 10 });
lag.enable();
let peak = 0;
setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 200).unref();

process.on('disconnect', () => process.exit(0));
process.on('message', () => {
  void use(registry).then((it) => process.send?.(it));
});

async function use(metrics: Registry): Promise<OperatorUse> {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  // The sampler's own 10 ms are no lag.
  const late = (ns: number) => Math.max(0, Math.round(ns / 1e5 - 100) / 10);
  const result: OperatorUse = {
    rssMiB: mebibytes(rss),
    peakRssMiB: mebibytes(Math.max(peak, rss)),
    heapMiB: mebibytes(heapUsed),
    cpuSeconds: (user + system) / 1e6,
    lagMs: { p50: late(lag.percentile(50)), p99: late(lag.percentile(99)), max: late(lag.max) },
    ...(await reconciles(metrics)),
    reconcileShareInCalls: await shareInCalls(metrics),
    ...(await requests(metrics)),
  };
  lag.reset();
  return result;
}

async function valuesOf(metrics: Registry, name: string): Promise<MetricValue<string>[]> {
  return (await metrics.getSingleMetric(name)?.get())?.values ?? [];
}

async function reconciles(metrics: Registry): Promise<Pick<OperatorUse, 'reconciles' | 'reconcileSeconds'>> {
  const values = await valuesOf(metrics, 'controller_runtime_reconcile_time_seconds');
  const buckets = values
    .filter(({ labels }) => labels.le !== undefined)
    .map(({ labels, value }) => ({ le: Number(labels.le === '+Inf' ? Number.POSITIVE_INFINITY : labels.le), value }))
    .sort((a, b) => a.le - b.le);
  const count = buckets.at(-1)?.value ?? 0;
  const at = (share: number) => buckets.find(({ value }) => value >= share * count)?.le ?? 0;
  return { reconciles: count, reconcileSeconds: { p50: at(0.5), p99: at(0.99) } };
}

async function requests(metrics: Registry): Promise<Pick<OperatorUse, 'requests' | 'refusals'>> {
  const byMethod: Record<string, number> = {};
  const refused: Record<string, number> = {};
  for (const { labels, value } of await valuesOf(metrics, 'rest_client_requests_total')) {
    const { method = '', code = '' } = labels as Record<string, string>;
    byMethod[method] = (byMethod[method] ?? 0) + value;
    if (!/^2/.test(code)) refused[`${method} ${code}`] = (refused[`${method} ${code}`] ?? 0) + value;
  }
  return { requests: byMethod, refusals: refused };
}

async function shareInCalls(metrics: Registry): Promise<number> {
  const values = await valuesOf(metrics, 'controller_runtime_reconcile_time_seconds');
  const sum = (values as { metricName?: string; value: number }[])
    .filter(({ metricName }) => metricName?.endsWith('_sum') === true)
    .reduce((total, { value }) => total + value, 0);
  return sum === 0 ? 0 : Math.round((1000 * callSeconds) / sum) / 1000;
}

/** Adds up the calls that reconciles make: those about MediaJobs and Jobs. Lists and watches are of the informers. */
function timed(api: KubeApi, took: (seconds: number) => void): KubeApi {
  const measured = new Set<string | symbol>(['get', 'create', 'patch', 'apply', 'delete']);
  return new Proxy(api, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return (...args: [Kind<KubeObject>, ...unknown[]]): unknown => {
        const began = performance.now();
        const answer: unknown = method.apply(target, args);
        if (measured.has(name) && ['mediajobs', 'jobs'].includes(args[0].plural) && answer instanceof Promise) {
          const done = () => took((performance.now() - began) / 1000);
          answer.then(done, done);
        }
        return answer;
      };
    },
  });
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

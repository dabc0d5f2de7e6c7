import { Counter, Histogram, type Registry } from 'prom-client';

/** Verbs as the API server's own metrics call them. */
export type Verb = 'GET' | 'LIST' | 'WATCH' | 'POST' | 'PUT' | 'PATCH' | 'APPLY' | 'DELETE';

/** client-go's metrics of requests, without its label of hosts: there is one. One set a registry. */
export class TransportMetrics {
  static readonly #known = new WeakMap<Registry, TransportMetrics>();

  /** `code` is `<error>` when nothing was answered. */
  readonly requests: Counter<'code' | 'method'>;
  readonly retries: Counter<'code' | 'verb'>;
  /** Of a watch: until it is open. */
  readonly seconds: Histogram<'verb'>;
  readonly waitSeconds: Histogram<'verb'>;

  static of(registry: Registry): TransportMetrics {
    const known = TransportMetrics.#known.get(registry) ?? new TransportMetrics(registry);
    TransportMetrics.#known.set(registry, known);
    return known;
  }

  private constructor(registry: Registry) {
    const registers = [registry];
    const buckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
    this.requests = new Counter({
      name: 'rest_client_requests_total',
      help: 'Requests to the API server, each try of a call, by status code and HTTP method.',
      labelNames: ['code', 'method'],
      registers,
    });
    this.retries = new Counter({
      name: 'rest_client_request_retries_total',
      help: 'Requests that were sent again, by the code of the failure and verb.',
      labelNames: ['code', 'verb'],
      registers,
    });
    this.seconds = new Histogram({
      name: 'rest_client_request_duration_seconds',
      help: 'Time of a request to the API server, each try of a call, until its whole answer; of a watch, until it is open.',
      labelNames: ['verb'],
      buckets,
      registers,
    });
    this.waitSeconds = new Histogram({
      name: 'rest_client_rate_limiter_duration_seconds',
      help: 'Time a call waits until fewer than the most allowed are under way.',
      labelNames: ['verb'],
      buckets,
      registers,
    });
  }
}

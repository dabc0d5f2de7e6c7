import { createServer, type Server } from 'node:http';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Metrics of one service. Labels are never ids, names of files, owners or addresses: those have no bound. */
export interface ServiceMetrics {
  readonly registry: Registry;
  readonly httpRequests: Counter<'method' | 'route' | 'status'>;
  readonly httpSeconds: Histogram<'method' | 'route' | 'status'>;
  readonly httpInFlight: Gauge;
  readonly logDrops: Counter<'sink'>;
  readonly auditEvents: Counter<'action' | 'outcome'>;
  readonly suspiciousEvents: Counter<'kind'>;
  readonly dependencyUp: Gauge<'name'>;
  readonly breakerState: Gauge<'name'>;
}

export interface MetricsOptions {
  service: string;
  version: string;
  /** Event loop, heap, garbage collection and file descriptors of the process; a process has them once. */
  processMetrics?: boolean;
}

/** A registry of its own with the metrics every service has; names are stable and documented. */
export function createMetrics(options: MetricsOptions): ServiceMetrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service: options.service });
  const registers = [registry];
  if (options.processMetrics ?? true) collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'mediajob_build_info',
    help: 'Always 1; the labels tell version and runtime.',
    labelNames: ['version', 'node'],
    registers,
  }).set({ version: options.version, node: process.version }, 1);
  const labelNames = ['method', 'route', 'status'] as const;
  return {
    registry,
    httpRequests: new Counter({ name: 'http_requests_total', help: 'Requests answered.', labelNames, registers }),
    httpSeconds: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from a request to the end of its answer.',
      labelNames,
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    httpInFlight: new Gauge({ name: 'http_requests_in_flight', help: 'Requests being answered now.', registers }),
    logDrops: new Counter({
      name: 'log_drops_total',
      help: 'Log lines that did not reach their sink.',
      labelNames: ['sink'],
      registers,
    }),
    auditEvents: new Counter({
      name: 'audit_events_total',
      help: 'Operations written to the audit log.',
      labelNames: ['action', 'outcome'],
      registers,
    }),
    suspiciousEvents: new Counter({
      name: 'suspicious_events_total',
      help: 'Events that may be an attack.',
      labelNames: ['kind'],
      registers,
    }),
    dependencyUp: new Gauge({
      name: 'dependency_up',
      help: '1 when the last call to another service worked, 0 when it did not.',
      labelNames: ['name'],
      registers,
    }),
    breakerState: new Gauge({
      name: 'breaker_state',
      help: 'Circuit breaker of another service: 0 closed, 1 half open, 2 open.',
      labelNames: ['name'],
      registers,
    }),
  };
}

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves /metrics on a port of its own, so that a network policy can close it to all but Prometheus.
 *
 * @throws the error of `listen`, such as EADDRINUSE
 */
export async function serveMetrics(registry: Registry, host: string, port: number): Promise<MetricsServer> {
  const server: Server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?', 1)[0] !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Metrics are at /metrics.\n');
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500, { 'content-type': 'text/plain' }).end(`${String(error)}\n`),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMetrics } from '@mediajob/service';
import { describe, expect, it } from 'vitest';
import { type KubeObject, rendering } from './renderings.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** Put on every series by Prometheus and its operator, and `le` on those of histograms. */
const OF_PROMETHEUS = ['namespace', 'service', 'pod', 'le'];

function* sources(directory: string): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.name.endsWith('.ts') && !entry.name.includes('.spec.')) yield readFileSync(path, 'utf8');
  }
}

const parts = [
  'packages/kube',
  'packages/service',
  'services/main',
  'services/converter',
  'services/transcriber',
  'operator',
];
const code = parts.flatMap((part) => [...sources(join(ROOT, part, 'src'))]).join('\n');

/** Names that the code gives to metrics, and those of prom-client for a process. */
const METRICS = new Set([
  ...[...code.matchAll(/name: '([a-z][a-z0-9]*(?:_[a-z0-9]+)+)'/g)].map((it) => it[1] as string),
  ...[...code.matchAll(/\bgauge\(\s*'([a-z]+(?:_[a-z]+)+)'/g)].map((it) => it[1] as string),
  ...createMetrics({ service: 'main', version: '0' })
    .registry.getMetricsAsArray()
    .map(({ name }) => name),
]);
const LABELS = new Set([
  ...OF_PROMETHEUS,
  ...[...code.matchAll(/labelNames(?: = |: )\[([^\]]*)\]/g)].flatMap((it) =>
    [...(it[1] as string).matchAll(/'([a-z_]+)'/g)].map((label) => label[1] as string),
  ),
]);

/** `le`'s series of a histogram belong to the metric without their ending. */
const metricsOf = (expr: string): string[] =>
  [...expr.matchAll(/([a-z][a-z0-9_]*)\{/g)].map((it) => (it[1] as string).replace(/_(bucket|sum|count)$/, ''));
const labelsOf = (expr: string): string[] => [
  ...[...expr.matchAll(/([a-z_]+)(?:=~|!~|!=|=)"/g)].map((it) => it[1] as string),
  ...[...expr.matchAll(/by \(([^)]*)\)/g)].flatMap((it) => (it[1] as string).split(',').map((label) => label.trim())),
];

const objects = rendering('monitoring');
const one = (kind: string, name: string): KubeObject => {
  const found = objects.find((it) => it.kind === kind && it.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
};

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { severity: string };
  readonly annotations: { summary: string; runbook_url?: string };
}
const alerts = (one('PrometheusRule', 'mediajob').spec as { groups: { rules: Alert[] }[] }).groups.flatMap(
  ({ rules }) => rules,
);

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { expr: string; legendFormat: string }[];
}
const dashboard = JSON.parse(
  (one('ConfigMap', 'mediajob-dashboard').data as Record<string, string>)['mediajob.json'] ?? '',
) as {
  panels: Panel[];
};
const queries = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map((it) => ({ title, ...it })));

describe('what is known of the code’s metrics', () => {
  it('has those that every service has, and some of each part', () => {
    for (const name of [
      'http_requests_total',
      'mediajob_jobs',
      'workqueue_depth',
      'media_tasks',
      'process_cpu_seconds_total',
    ])
      expect(METRICS).toContain(name);
    expect(METRICS.size).toBeGreaterThan(60);
  });
});

describe('alerts', () => {
  it('ask for metrics and labels that the code has', () => {
    expect(alerts.length).toBeGreaterThan(12);
    for (const { alert, expr } of alerts) {
      expect(metricsOf(expr).length, alert).toBeGreaterThan(0);
      expect(
        metricsOf(expr).filter((it) => !METRICS.has(it)),
        alert,
      ).toEqual([]);
      expect(
        labelsOf(expr).filter((it) => !LABELS.has(it)),
        alert,
      ).toEqual([]);
    }
  });

  it('have one name each', () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  });

  it('look at this namespace alone', () => {
    for (const { alert, expr } of alerts)
      expect([...expr.matchAll(/\{/g)].length, alert).toBe([...expr.matchAll(/\{namespace="mediajob"/g)].length);
  });

  it('each have their page of what to do, and their address', () => {
    const headings = readFileSync(join(ROOT, 'docs/OPERATIONS.md'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('### '))
      .map((line) => line.slice(4).toLowerCase());
    for (const { alert, annotations, labels } of alerts) {
      expect(headings, alert).toContain(alert.toLowerCase());
      expect(annotations.runbook_url).toBe(`https://wiki.example.com/mediajob/OPERATIONS.html#${alert.toLowerCase()}`);
      expect(['critical', 'warning', 'info']).toContain(labels.severity);
    }
  });

  it('are only about what is installed', () => {
    const names = (name: string) => JSON.stringify(rendering(name).filter(({ kind }) => kind === 'PrometheusRule'));
    expect(names('monitoring')).toContain('MediaJobOperatorNotLeading');
    expect(names('defaults')).toBe('[]');
  });
});

describe('the dashboard', () => {
  it('shows metrics and labels that the code has', () => {
    expect(queries.length).toBeGreaterThan(20);
    for (const { title, expr, legendFormat } of queries) {
      expect(metricsOf(expr).length, title).toBeGreaterThan(0);
      expect(
        metricsOf(expr).filter((it) => !METRICS.has(it)),
        title,
      ).toEqual([]);
      expect(
        labelsOf(expr).filter((it) => !LABELS.has(it)),
        title,
      ).toEqual([]);
      const shown = [...legendFormat.matchAll(/\{\{([a-z_]+)\}\}/g)].map((it) => it[1] as string);
      const kept = expr.includes('by (') ? labelsOf(expr) : [...LABELS];
      expect(
        shown.filter((it) => !kept.includes(it)),
        title,
      ).toEqual([]);
    }
  });

  it('has no two panels in one place', () => {
    const places = dashboard.panels as unknown as { gridPos: { x: number; y: number; w: number; h: number } }[];
    const cells = places.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });
});

describe('metrics', () => {
  it('are read from each service by its own port, and by no other Service', () => {
    expect(one('ServiceMonitor', 'mediajob').spec).toMatchObject({
      endpoints: [{ port: 'metrics', honorLabels: true }],
    });
    const deployments = objects.filter(({ kind }) => kind === 'Deployment') as unknown as {
      metadata: { name: string };
      spec: { template: { metadata: { labels: Record<string, string> }; spec: { containers: { ports: object[] }[] } } };
    }[];
    const ports = Object.fromEntries(
      deployments.map(({ metadata, spec }) => [
        metadata.name,
        [spec.template.metadata.labels['mediajob.io/scraped'], spec.template.spec.containers[0]?.ports[1]],
      ]),
    );
    expect(ports).toEqual({
      'mediajob-main': ['true', { name: 'metrics', containerPort: 9100 }],
      'mediajob-transcriber': ['true', { name: 'metrics', containerPort: 9101 }],
      'mediajob-converter': ['true', { name: 'metrics', containerPort: 9102 }],
      'mediajob-operator': ['true', { name: 'metrics', containerPort: 9103 }],
    });
    const others = objects.filter(({ kind, metadata }) => kind === 'Service' && metadata.name !== 'mediajob-metrics');
    expect(JSON.stringify(others)).not.toContain('metrics');
  });
});

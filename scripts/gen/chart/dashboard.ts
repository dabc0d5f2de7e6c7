/** charts/mediajob/dashboards/mediajob.json: a Grafana dashboard over metrics that our services have. */

interface PanelSpec {
  readonly title: string;
  readonly unit?: string;
  readonly kind?: 'stat';
  /** PromQL by legend; `$in` stands for the namespace. */
  readonly queries: Readonly<Record<string, string>>;
}

const IN = 'namespace="$namespace"';
const quantile = (q: number, metric: string, by: string): string =>
  `histogram_quantile(${q}, sum by (le, ${by}) (rate(${metric}_bucket{${IN}}[15m])))`;

const ROWS: Readonly<Record<string, readonly PanelSpec[]>> = {
  'At a glance': [
    {
      title: 'Jobs that run',
      kind: 'stat',
      queries: {
        running: `sum(max by (phase) (mediajob_jobs{${IN}, phase=~"Fetching|Converting|Transcribing|Finalizing"}))`,
      },
    },
    {
      title: 'Jobs that wait',
      kind: 'stat',
      queries: { waiting: `sum(max by (phase) (mediajob_jobs{${IN}, phase=~"Pending|Queued"}))` },
    },
    {
      title: 'Free on the volume',
      kind: 'stat',
      unit: 'bytes',
      queries: { free: `min(media_storage_free_bytes{${IN}})` },
    },
    {
      title: 'Operators that lead',
      kind: 'stat',
      queries: { leading: `sum(leader_election_master_status{${IN}, service="operator"})` },
    },
  ],
  Jobs: [
    { title: 'Jobs by phase', queries: { '{{phase}}': `max by (phase) (mediajob_jobs{${IN}})` } },
    {
      title: 'Ended in an hour',
      queries: { '{{phase}}': `sum by (phase) (increase(mediajob_jobs_ended_total{${IN}}[1h]))` },
    },
    {
      title: 'Time of a stage (half of them)',
      unit: 's',
      queries: { '{{stage}}': quantile(0.5, 'mediajob_stage_duration_seconds', 'stage') },
    },
    {
      title: 'Wait for a pod (95 of 100 wait less)',
      unit: 's',
      queries: { '{{stage}}': quantile(0.95, 'mediajob_queue_wait_seconds', 'stage') },
    },
    {
      title: 'Failed runs in an hour',
      queries: { '{{reason}}': `sum by (reason) (increase(mediajob_failures_total{${IN}}[1h]))` },
    },
    {
      title: 'Seconds of audio a second',
      queries: {
        Jobs: `histogram_quantile(0.5, sum by (le) (rate(mediajob_realtime_factor_bucket{${IN}}[1h])))`,
        'service, {{model}}': `max by (model) (media_realtime_factor{${IN}})`,
      },
    },
  ],
  Services: [
    {
      title: 'Requests a second',
      unit: 'reqps',
      queries: { '{{service}}': `sum by (service) (rate(http_requests_total{${IN}}[5m]))` },
    },
    {
      title: 'Requests that fail',
      unit: 'percentunit',
      queries: {
        '{{service}}': `sum by (service) (rate(http_requests_total{${IN}, status=~"5.."}[5m])) / sum by (service) (rate(http_requests_total{${IN}}[5m]))`,
      },
    },
    {
      title: 'Time of an answer (99 of 100 are faster)',
      unit: 's',
      queries: { '{{service}}': quantile(0.99, 'http_request_duration_seconds', 'service') },
    },
    {
      title: 'Uploads',
      unit: 'Bps',
      queries: { received: `sum(rate(media_upload_bytes_total{${IN}}[5m]))` },
    },
    {
      title: 'Runs in the services',
      queries: { '{{service}} {{state}}': `sum by (service, state) (media_tasks{${IN}})` },
    },
    { title: 'Reachable', queries: { '{{name}}': `min by (name) (dependency_up{${IN}})` } },
    {
      title: 'CPU',
      queries: { '{{service}} {{pod}}': `rate(process_cpu_seconds_total{${IN}}[5m])` },
    },
    {
      title: 'Memory',
      unit: 'bytes',
      queries: { '{{service}} {{pod}}': `process_resident_memory_bytes{${IN}}` },
    },
  ],
  'The volume': [
    {
      title: 'Free and reserved',
      unit: 'bytes',
      queries: {
        free: `min(media_storage_free_bytes{${IN}})`,
        reserved: `max(media_storage_reserved_bytes{${IN}})`,
      },
    },
    {
      title: 'Lines that log files missed',
      queries: { '{{service}}': `sum by (service) (increase(log_drops_total{${IN}}[1h]))` },
    },
  ],
  'The operator': [
    {
      title: 'Reconciles a second',
      queries: { '{{result}}': `sum by (result) (rate(controller_runtime_reconcile_total{${IN}}[5m]))` },
    },
    {
      title: 'Time of a reconcile (99 of 100 are faster)',
      unit: 's',
      queries: { '{{controller}}': quantile(0.99, 'controller_runtime_reconcile_time_seconds', 'controller') },
    },
    { title: 'MediaJobs in the queue', queries: { '{{name}}': `sum by (name) (workqueue_depth{${IN}})` } },
    {
      title: 'Reports of progress a second',
      queries: { '{{outcome}}': `sum by (outcome) (rate(mediajob_progress_reports_total{${IN}}[5m]))` },
    },
    {
      title: 'Requests to the API server a second',
      queries: { '{{service}} {{code}}': `sum by (service, code) (rate(rest_client_requests_total{${IN}}[5m]))` },
    },
    { title: 'Jobs kept for the API server', queries: { kept: `max(mediajob_outbox_jobs{${IN}})` } },
  ],
  Security: [
    {
      title: 'Suspicious events in an hour',
      queries: { '{{service}} {{kind}}': `sum by (service, kind) (increase(suspicious_events_total{${IN}}[1h]))` },
    },
    {
      title: 'Operations in an hour',
      queries: { '{{action}} {{outcome}}': `sum by (action, outcome) (increase(audit_events_total{${IN}}[1h]))` },
    },
  ],
};

// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana
const datasource = { type: 'prometheus', uid: '${datasource}' };
const COLUMNS = 24;

export function dashboardDocument(): string {
  const dashboard = {
    uid: 'mediajob',
    title: 'MediaJob',
    tags: ['mediajob'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Prometheus' },
        {
          name: 'namespace',
          type: 'query',
          datasource,
          query: 'label_values(mediajob_build_info, namespace)',
          refresh: 2,
          label: 'Namespace',
        },
      ],
    },
    panels: panels(),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function panels(): object[] {
  const all: object[] = [];
  let y = 0;
  for (const [title, specs] of Object.entries(ROWS)) {
    all.push({
      id: all.length + 1,
      type: 'row',
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
    });
    y += 1;
    const small = specs.every(({ kind }) => kind === 'stat');
    const w = small ? COLUMNS / specs.length : COLUMNS / 2;
    const h = small ? 4 : 8;
    specs.forEach((spec, index) => {
      const perRow = COLUMNS / w;
      const gridPos = { x: (index % perRow) * w, y: y + Math.floor(index / perRow) * h, w, h };
      all.push(panel(all.length + 1, spec, gridPos));
    });
    y += Math.ceil((specs.length * w) / COLUMNS) * h;
  }
  return all;
}

function panel(id: number, { title, unit = 'short', kind, queries }: PanelSpec, gridPos: object): object {
  return {
    id,
    type: kind ?? 'timeseries',
    title,
    datasource,
    gridPos,
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: kind === 'stat' ? { reduceOptions: { calcs: ['lastNotNull'] } } : { legend: { displayMode: 'list' } },
    targets: Object.entries(queries).map(([legendFormat, expr], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      legendFormat,
    })),
  };
}

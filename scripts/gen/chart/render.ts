import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { bringHelm } from '../../setup/helm.ts';
import { ROOT } from '../../setup/paths.ts';

export const CHART = join(ROOT, 'charts/mediajob');

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface RenderOptions {
  readonly release?: string;
  readonly namespace?: string;
  /** Merged over the chart's own, as `--values` of JSON. */
  readonly values?: object;
  readonly kubeVersion?: string;
  readonly helm?: string;
}

/** Helm refused: its own words. */
export class RenderError extends Error {
  override name = 'RenderError';
}

/** What `helm template` makes of the chart, hooks among it. @throws RenderError, SetupError */
export function renderChart(options: RenderOptions = {}): KubeObject[] {
  const {
    release = 'mediajob',
    namespace = 'mediajob',
    values = {},
    kubeVersion = '1.36.0',
    helm = bringHelm(),
  } = options;
  const args = ['template', release, CHART, '--namespace', namespace, '--kube-version', kubeVersion, '--values', '-'];
  const { status, stdout, stderr } = spawnSync(helm, args, {
    input: JSON.stringify(values),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new RenderError(stderr.trim());
  return objectsOf(stdout);
}

/** @throws Error when it is no YAML */
export function objectsOf(yaml: string): KubeObject[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    const value = document.toJS() as KubeObject | null;
    return value === null ? [] : [value];
  });
}

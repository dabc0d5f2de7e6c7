import type { MediaJob } from '@mediajob/contract';

type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [key: string]: Json };

/** The job as a manifest for `kubectl apply`: what a person asks for, without what the system has added. */
export function jobYaml(job: MediaJob): string {
  const title = job.metadata.annotations?.['mediajob.io/title'];
  const document = {
    apiVersion: job.apiVersion,
    kind: job.kind,
    metadata: {
      name: job.metadata.name,
      ...(title === undefined ? {} : { annotations: { 'mediajob.io/title': title } }),
    },
    spec: job.spec as unknown as Json,
  };
  return yamlOf(document, 0);
}

function yamlOf(value: { readonly [key: string]: Json }, depth: number): string {
  const indent = '  '.repeat(depth);
  return Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => {
      if (isRecord(item)) {
        return Object.keys(item).length === 0
          ? `${indent}${scalar(key)}: {}\n`
          : `${indent}${scalar(key)}:\n${yamlOf(item, depth + 1)}`;
      }
      return `${indent}${scalar(key)}: ${inline(item)}\n`;
    })
    .join('');
}

/** Lists and what is in them on one line: YAML's flow style. */
function inline(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (isRecord(value)) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return `{${entries.map(([key, item]) => `${scalar(key)}: ${inline(item)}`).join(', ')}}`;
  }
  return typeof value === 'string' ? scalar(value) : String(value ?? null);
}

/** Plain words stand as they are; everything that YAML could take for something else is quoted as JSON, which YAML contains. */
function scalar(text: string): string {
  const plain = /^[A-Za-z][A-Za-z0-9./_-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return plain ? text : JSON.stringify(text);
}

function isRecord(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { readFile } from 'node:fs/promises';

/** One finished request, as the API server's audit log has it. */
export interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  /** Left out for paths that are no objects, /readyz among them. */
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code: number };
  /** Among them `authorization.k8s.io/decision`, allow or forbid. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** When it came and when it was done with; RFC 3339 with microseconds, by the API server's clock. */
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

/** Who, what and how it ended; no bodies. One event a request, when it is complete (a watch: when it begins). */
export const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'Panic'],
  rules: [{ level: 'Metadata' }],
};

/** Oldest first. A watch that has ended is there twice, at its start and its end; only the start counts. */
export async function readAuditLog(path: string): Promise<AuditEvent[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
  return lines
    .map((line) => JSON.parse(line) as AuditEvent & { stage: string })
    .filter(({ verb, stage }) => verb !== 'watch' || stage === 'ResponseStarted');
}

/** What a user did, each once: `create batch/jobs`, `update mediajob.io/mediajobs/status`. Sorted. */
export function actionsOf(events: readonly AuditEvent[], username: string): string[] {
  const actions = events
    .filter((it) => it.user.username === username)
    .map(({ verb, objectRef, requestURI }) => {
      if (!objectRef) return `${verb} ${requestURI}`;
      const { apiGroup, resource, subresource } = objectRef;
      return `${verb} ${[apiGroup, resource, subresource].filter(Boolean).join('/')}`;
    });
  return [...new Set(actions)].sort();
}

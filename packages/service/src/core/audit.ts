import type { Logger } from 'pino';
import type { ServiceMetrics } from './metrics.js';

/** An operation: who did what to which object, and how it ended. */
export interface AuditEvent {
  /** A word that stays the same, such as job.create; it is a metric's label, so it comes from our code alone. */
  action: string;
  outcome: 'success' | 'refused' | 'failed';
  /** Who: an owner, an address, or a service. */
  actor?: string | undefined;
  /** On which object, such as jobs/<id>. */
  object?: string | undefined;
  /** Anything more that helps; never secrets. */
  detail?: Record<string, unknown> | undefined;
}

export const SUSPICIOUS_KINDS = [
  'path-traversal',
  'bad-token',
  'foreign-run',
  'cross-site',
  'refused-media',
  'too-many-failures',
  'rate-limited',
  'malformed-request',
  'host-not-allowed',
] as const;
export type SuspiciousKind = (typeof SUSPICIOUS_KINDS)[number];

export interface SuspiciousEvent {
  kind: SuspiciousKind;
  actor?: string | undefined;
  object?: string | undefined;
  detail?: Record<string, unknown> | undefined;
}

/** Log lines of a category of their own, and counters for alerts. Request ids come with every line by the logger. */
export interface AuditLog {
  record(event: AuditEvent): void;
  suspicious(event: SuspiciousEvent): void;
}

/** The level is fixed: whatever MEDIAJOB_LOG_LEVEL says, audit lines are written. */
export function auditLog(logger: Logger, metrics: Pick<ServiceMetrics, 'auditEvents' | 'suspiciousEvents'>): AuditLog {
  const lines = logger.child({}, { level: 'info' });
  return {
    record(event) {
      metrics.auditEvents.inc({ action: event.action, outcome: event.outcome });
      lines.info({ category: 'audit', ...event }, `${event.action}: ${event.outcome}`);
    },
    suspicious(event) {
      metrics.suspiciousEvents.inc({ kind: event.kind });
      lines.warn({ category: 'suspicious', ...event }, `suspicious: ${event.kind}`);
    },
  };
}

import { Counter, Gauge, type ServiceMetrics } from '@mediajob/service';

export const REFUSALS = ['size', 'type', 'disk', 'busy'] as const;

/** Metrics of uploads; names are stable and documented. */
export interface UploadMetrics {
  readonly bytes: Counter;
  readonly active: Gauge;
  readonly refused: Counter<'reason'>;
  readonly resumes: Counter;
}

export function uploadMetrics({ registry }: Pick<ServiceMetrics, 'registry'>): UploadMetrics {
  const registers = [registry];
  const refused = new Counter({
    name: 'media_upload_refused_total',
    help: 'Uploads refused or stopped.',
    labelNames: ['reason'] as const,
    registers,
  });
  for (const reason of REFUSALS) refused.inc({ reason }, 0);
  return {
    bytes: new Counter({ name: 'media_upload_bytes_total', help: 'Bytes of uploads received.', registers }),
    active: new Gauge({ name: 'media_upload_active', help: 'Requests that bring bytes now.', registers }),
    refused,
    resumes: new Counter({
      name: 'media_upload_resumes_total',
      help: 'Requests that went on with an upload begun before.',
      registers,
    }),
  };
}

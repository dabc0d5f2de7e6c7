import type { UploadItem } from './upload-queue.ts';

export interface UploadSummary {
  readonly count: number;
  /** 0–100 of all bytes that are on their way. */
  readonly percent: number;
}

/** All running uploads as one figure; undefined when none runs. */
export function uploadSummary(items: readonly UploadItem[]): UploadSummary | undefined {
  const running = items.filter((item) => ['queued', 'sending', 'waiting', 'starting'].includes(item.state));
  if (running.length === 0) return undefined;
  const size = running.reduce((sum, item) => sum + item.size, 0);
  const sent = running.reduce((sum, item) => sum + item.sentBytes, 0);
  return { count: running.length, percent: size === 0 ? 0 : (sent / size) * 100 };
}

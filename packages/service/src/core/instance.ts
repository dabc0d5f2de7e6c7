import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/**
 * Name of this process, new at each start: `<name>-<random>`. A worker's task is pinned to it, so that main notices
 * when the process that knew the task is gone; log folders carry it, so that two processes never share one.
 */
export function newInstanceId(name: string = hostname()): string {
  const safe = name.replace(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9]+/, '') || 'host';
  return `${safe.slice(0, 100)}-${randomBytes(4).toString('hex')}`;
}

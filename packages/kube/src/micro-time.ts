/**
 * Kubernetes' MicroTime, as Leases and Events have it: the server reads six digits of a second, no less.
 *
 * @param ms of the epoch
 */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

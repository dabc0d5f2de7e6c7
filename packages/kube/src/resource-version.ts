const DECIMAL = /^(0|[1-9]\d*)$/;

/**
 * Less than, equal to or more than 0, as `a` is older than, the same as or newer than `b`; undefined when they cannot
 * be compared. Only versions of one kind can: Kubernetes promises whole numbers since 1.35 (KEP-5504), and they have
 * been ones from the first release on. They may have more digits than a number holds.
 */
export function compareVersions(a: string, b: string): number | undefined {
  if (a === b) return 0;
  if (!DECIMAL.test(a) || !DECIMAL.test(b)) return undefined;
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : 1;
}

/** Whether `a` is known to be newer than `b`. */
export function isNewer(a: string, b: string): boolean {
  return (compareVersions(a, b) ?? 0) > 0;
}

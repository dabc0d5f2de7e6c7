const LOOPBACK_V4 = /^127(\.\d{1,3}){3}$/;

/** Whether a name or address means this machine alone. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || LOOPBACK_V4.test(name);
}

/** Host name of a `Host` header without its port; undefined when it is malformed. */
export function hostNameOf(header: string | undefined): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header ?? '');
  return match?.[1]
    ?.toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}

/**
 * Under which host names the service answers. A page of an attacker can make its own name point to a private address
 * (DNS rebinding) and then counts as same-origin; its name in `Host` gives it away.
 *
 * @param listening address that the service listens on
 * @param configured names by configuration; undefined: any, unless it listens on loopback only
 */
export function hostRule(listening: string, configured: readonly string[] | undefined): (host: string) => boolean {
  if (configured !== undefined) {
    const names = new Set(configured.map((name) => hostNameOf(name) ?? name.toLowerCase()));
    return (host) => names.has(host) || names.has('*');
  }
  if (isLoopback(listening)) return isLoopback;
  return () => true;
}

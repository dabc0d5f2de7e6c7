const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Headers that tell where a request of a browser comes from. */
export interface RequestOrigin {
  readonly method: string;
  readonly host: string | undefined;
  readonly fetchSite: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
}

/**
 * Whether a request may change something: another site's page must not be able to make a visitor's browser do so (CSRF).
 * Browsers say where a request comes from (Fetch Metadata, `Sec-Fetch-Site`), older ones at least by `Origin`; programs
 * send neither. A bearer token is never added by a browser of its own accord.
 */
export function mayChange({ method, host, fetchSite, origin, authorization }: RequestOrigin): boolean {
  if (SAFE.has(method)) return true;
  if (/^bearer\s+\S/i.test(authorization ?? '')) return true;
  if (fetchSite !== undefined) return fetchSite === 'same-origin' || fetchSite === 'none';
  if (origin === undefined) return true;
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}

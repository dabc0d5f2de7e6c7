import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** Resolves a host to all its addresses; injectable for tests. */
export type Resolve = (host: string) => Promise<{ address: string; family: number }[]>;

const resolveAll: Resolve = (host) => lookup(host, { all: true });

/**
 * Base addresses of all instances that a list of URLs stands for now: a name with several addresses means several
 * instances (`docker compose --scale`, a headless Service). A name that cannot be resolved stands for itself, and its
 * calls fail as those to a worker that is away.
 */
export async function expandAddresses(urls: readonly string[], resolve: Resolve = resolveAll): Promise<string[]> {
  const found = await Promise.all(urls.map((url) => expand(url, resolve)));
  return [...new Set(found.flat())];
}

async function expand(url: string, resolve: Resolve): Promise<string[]> {
  const base = new URL(url);
  const plain = `${base.origin}${base.pathname.replace(/\/+$/, '')}`;
  // An https address keeps its name, which its certificate is made for. localhost is one machine, whatever its families.
  const host = base.hostname.replace(/^\[|\]$/g, '');
  if (base.protocol === 'https:' || host === 'localhost' || isIP(host) !== 0) return [plain];
  try {
    const addresses = await resolve(host);
    return addresses.map(({ address, family }) => {
      const one = new URL(plain);
      one.hostname = family === 6 ? `[${address}]` : address;
      return `${one.origin}${one.pathname.replace(/\/+$/, '')}`;
    });
  } catch {
    return [plain];
  }
}

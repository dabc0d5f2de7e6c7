import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Environment, sleep } from '@mediajob/kube';
import { type Authority, certificatesIn, isUsable, SecretKey } from './key-material.js';
import { BaseKeyring } from './keyring.js';

export interface MountedKeyringOptions {
  /** Directory with tls.crt, tls.key and, unless the system trusts its issuer, ca.crt: a Secret of cert-manager. */
  readonly directory: string;
  readonly environment: Environment;
}

const EVERY_MS = 10_000;

/**
 * Keys that somebody else makes and renews. An authority that was seen once stays known until it ends: Jobs that began
 * under the old one still meet servers that show the new one's certificate only after both were known for a while.
 */
export class MountedKeyring extends BaseKeyring {
  readonly #options: MountedKeyringOptions;
  #complaint: string | undefined;

  constructor(options: MountedKeyringOptions) {
    super();
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.read();
      await sleep(this.#options.environment.clock, EVERY_MS, signal);
    }
  }

  /** Reads the files once. What does not belong together (yet) is left alone: the files change one after the other. */
  async read(): Promise<void> {
    const { directory } = this.#options;
    try {
      const text = (name: string) => readFile(join(directory, name), 'utf8');
      const [cert, key] = await Promise.all([text(SecretKey.cert), text(SecretKey.key)]);
      const authorities = await text(SecretKey.authorities).catch(() => '');
      if (!isUsable({ cert, key })) throw new Error('tls.crt and tls.key do not belong together');
      this.take({ authorities: this.#known(authorities), serving: { cert, key } });
      this.#complaint = undefined;
    } catch (error) {
      this.#complain(error);
    }
  }

  #known(pem: string): Authority[] {
    const now = this.#options.environment.clock.now();
    const all = [...certificatesIn(pem), ...certificatesIn(this.authorities())];
    const unique = new Map(all.map((it) => [it.fingerprint256, it]));
    return [...unique.values()]
      .filter((it) => now < it.validToDate.getTime())
      .map((it) => ({ cert: `${it.toString().trim()}\n` }));
  }

  /** Once for each reason: it is read often. */
  #complain(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (why === this.#complaint) return;
    this.#complaint = why;
    const { environment, directory } = this.#options;
    environment.log.warn({ directory, why }, 'the mounted certificate of the progress receiver cannot be used');
  }
}

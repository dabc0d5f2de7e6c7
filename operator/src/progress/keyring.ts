import type { KeyPair } from './certificate.js';
import type { KeyMaterial } from './key-material.js';
import { bundleOf } from './key-material.js';

/** What the receiver shows, and what others verify it with. It changes while the operator runs. */
export interface Keyring {
  /** undefined: there is none yet, and nobody can connect. */
  readonly serving: KeyPair | undefined;
  /** PEM of all authorities, the next one among them; empty: none yet, or those of the system. */
  authorities(): string;
  /**
   * Called after each change.
   * @returns ends it
   */
  onChange(listener: () => void): () => void;
  /** Keeps it up to date until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

/** What all keyrings have: the newest material, and who wants to know of it. */
export abstract class BaseKeyring implements Keyring {
  #material: KeyMaterial = { authorities: [] };
  readonly #listeners = new Set<() => void>();

  get serving(): KeyPair | undefined {
    return this.#material.serving;
  }

  authorities(): string {
    return bundleOf(this.#material);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  abstract run(signal: AbortSignal): Promise<void>;

  protected get material(): KeyMaterial {
    return this.#material;
  }

  /** @returns whether something has changed */
  protected take(material: KeyMaterial): boolean {
    const before = this.#material;
    const same =
      bundleOf(before) === bundleOf(material) &&
      before.serving?.cert === material.serving?.cert &&
      before.serving?.key === material.serving?.key;
    this.#material = material;
    if (!same) for (const listener of this.#listeners) listener();
    return !same;
  }
}

import {
  type Draft,
  type Environment,
  isAlreadyExists,
  isConflict,
  isNotFound,
  type KubeApi,
  type ObjectRef,
  type Secret,
  Secrets,
  sleep,
} from '@mediajob/kube';
import { factsOf, foreignMaterialOf, type KeyMaterial, materialOf, secretDataOf } from './key-material.js';
import { rotated } from './key-rotation.js';
import { BaseKeyring } from './keyring.js';

export interface SecretKeyringOptions {
  /** Reads the Secret. */
  readonly api: Pick<KubeApi, 'get'>;
  readonly secret: Required<ObjectRef>;
  /** DNS names by which Jobs, and other replicas, reach the receiver. */
  readonly names: readonly string[];
  readonly environment: Environment;
  /** Who makes and renews what is in the Secret: we, by {@link SecretKeyring.maintain}, or somebody else. */
  readonly madeBy?: 'us' | 'others';
}

/** How often the Secret is read: while there is nothing in it to serve with, and afterwards. */
const MISSING_MS = 5_000;
const EVERY_MS = 60_000;
/** How often the leader looks whether something has to be renewed. */
const MAINTAIN_MS = 3_600_000;
const LABELS = { 'app.kubernetes.io/managed-by': 'mediajob-operator' };

/**
 * Keys in one Secret, for all replicas. What is in the Secret is the only truth: the leader writes it with the
 * resourceVersion that it read, and everybody, the leader among them, uses what was read or written there.
 */
export class SecretKeyring extends BaseKeyring {
  readonly #options: SecretKeyringOptions;

  constructor(options: SecretKeyringOptions) {
    super();
    this.#options = options;
  }

  /** Reads the Secret again and again: on each replica. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.environment;
    while (!signal.aborted) {
      await this.#read(signal);
      await sleep(clock, this.serving === undefined ? MISSING_MS : EVERY_MS, signal);
    }
  }

  /** Makes and renews what is in the Secret: on the leader alone, with its fenced API. */
  async maintain(api: Pick<KubeApi, 'get' | 'create' | 'replace'>, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options.environment;
    while (!signal.aborted) {
      let waitMs = MAINTAIN_MS;
      try {
        await this.#renew(api, signal);
      } catch (error) {
        if (signal.aborted) return;
        // Somebody else wrote in between: look again, at what they wrote.
        if (isConflict(error) || isAlreadyExists(error)) continue;
        const fields = { err: error, secret: `${this.#options.secret.namespace}/${this.#options.secret.name}` };
        log.error(
          fields,
          'the certificate of the progress receiver cannot be made; may the operator write its Secret?',
        );
        waitMs = EVERY_MS;
      }
      await sleep(clock, waitMs, signal);
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { api, secret, environment } = this.#options;
    try {
      const { data } = await api.get(Secrets, secret, { signal });
      const foreign = this.#options.madeBy === 'others';
      this.#use(foreign ? foreignMaterialOf(data, this.authorities(), environment.clock.now()) : materialOf(data));
    } catch (error) {
      // What is known serves on; a Secret that is gone is made again by the leader.
      if (signal.aborted || isNotFound(error)) return;
      environment.log.warn({ err: error }, 'the certificate of the progress receiver cannot be read');
    }
  }

  async #renew(api: Pick<KubeApi, 'get' | 'create' | 'replace'>, signal: AbortSignal): Promise<void> {
    const { secret, names, environment } = this.#options;
    const found = await api.get(Secrets, secret, { signal }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    const before = materialOf(found?.data);
    const after = await rotated(before, names, environment.clock.now());
    if (after === before) {
      this.#use(before);
      return;
    }
    const data = secretDataOf(after);
    const written =
      found === undefined
        ? await api.create(Secrets, this.#draft(data), { signal })
        : await api.replace(Secrets, { ...found, data: { ...found.data, ...data } }, { signal });
    environment.log.info({ ...described(after) }, 'the certificate of the progress receiver is renewed');
    this.#use(materialOf(written.data));
  }

  #draft(data: Record<string, string>): Draft<Secret> {
    const { apiVersion, kind } = Secrets;
    return { apiVersion, kind, metadata: { ...this.#options.secret, labels: LABELS }, type: 'Opaque', data };
  }

  #use(material: KeyMaterial): void {
    // A Secret that somebody has emptied is no reason to stop serving: the leader fills it again.
    if (material.serving === undefined && this.serving !== undefined) return;
    if (this.take(material)) this.#options.environment.log.debug(described(material), 'the receiver has new keys');
  }
}

/** What may be told: times and counts. */
function described({ authorities, serving }: KeyMaterial): object {
  return {
    authorities: authorities.length,
    until: serving === undefined ? undefined : new Date(factsOf(serving.cert).notAfter).toISOString(),
  };
}

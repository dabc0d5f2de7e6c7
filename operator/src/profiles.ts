import { readFile } from 'node:fs/promises';
import {
  type PodProfile,
  PodProfile as PodProfileSchema,
  type Profile,
  ProfilesFile,
  type StageName,
} from '@mediajob/contract';
import { type Clock, type KubeLogger, sleep } from '@mediajob/kube';
import { parse } from 'yaml';

/** What jobs may name in spec.profile. */
export interface Profiles {
  /** undefined: there is no profile of that name. */
  pod(profile: string, stage: StageName): PodProfile | undefined;
  /** Names, for a sentence. */
  readonly names: readonly string[];
}

/** Where there is no file, or it says nothing of a stage: a CPU, and memory for the models up to `small`. */
const BUILT_IN: Readonly<Record<'convert' | 'transcribe' | 'finalize' | 'cleanup', PodProfile>> = {
  convert: built({ requests: { cpu: '1', memory: '512Mi' }, limits: { memory: '2Gi' } }),
  transcribe: built({ requests: { cpu: '2', memory: '2Gi' }, limits: { memory: '4Gi' } }),
  finalize: built({ requests: { cpu: '250m', memory: '256Mi' }, limits: { memory: '2Gi' } }),
  cleanup: built({ requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } }),
};

function built(resources: PodProfile['resources']): PodProfile {
  return PodProfileSchema.parse({ resources });
}

/** `default` is always there. */
export function profilesOf({ profiles }: ProfilesFile): Profiles {
  const own: Profile = profiles.default ?? {};
  const known = new Map<string, Profile>([...Object.entries(profiles), ['default', own]]);
  return {
    names: [...known.keys()].sort(),
    pod(name, stage) {
      const profile = known.get(name);
      if (profile === undefined) return undefined;
      switch (stage) {
        case 'convert':
          return profile.convert ?? own.convert ?? BUILT_IN.convert;
        case 'render':
          return profile.render ?? profile.convert ?? own.render ?? own.convert ?? BUILT_IN.convert;
        case 'transcribe':
          return profile.transcribe ?? own.transcribe ?? BUILT_IN.transcribe;
        case 'finalize':
          return profile.finalize ?? own.finalize ?? BUILT_IN.finalize;
        case 'cleanup':
          return BUILT_IN.cleanup;
      }
    },
  };
}

/** @throws Error that names the field */
export function parseProfiles(text: string): ProfilesFile {
  const parsed = ProfilesFile.safeParse(parse(text) ?? { profiles: {} });
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`);
  throw new Error(`${wrong.join('; ')}.`);
}

export interface ProfileFileOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: KubeLogger;
  /** ms between looks; a ConfigMap takes up to a minute to arrive anyway. */
  readonly everyMs?: number;
}

/**
 * Profiles of a file that may change at any time, as a mounted ConfigMap does. What is wrong with it is logged, and the
 * last that could be read stays in use.
 */
export class ProfileFile implements Profiles {
  readonly #options: ProfileFileOptions;
  readonly #listeners = new Set<() => void>();
  #profiles = profilesOf({ profiles: {} });
  #text: string | undefined;

  constructor(options: ProfileFileOptions) {
    this.#options = options;
  }

  get names(): readonly string[] {
    return this.#profiles.names;
  }

  pod(profile: string, stage: StageName): PodProfile | undefined {
    return this.#profiles.pod(profile, stage);
  }

  /** Called after each change. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Reads the file now; never rejects. */
  async read(): Promise<void> {
    const { path, log } = this.#options;
    try {
      const text = await readFile(path, 'utf8');
      if (text === this.#text) return;
      this.#text = text;
      this.#profiles = profilesOf(parseProfiles(text));
      log.info({ path, profiles: this.#profiles.names }, 'profiles are read');
      for (const listener of this.#listeners) listener();
    } catch (error) {
      log.error({ err: error, path }, 'the profiles cannot be read; those known so far stay in use');
    }
  }

  /** Reads it again and again until the signal is aborted. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock, everyMs = 10_000 } = this.#options;
    while (!signal.aborted) {
      await this.read();
      await sleep(clock, everyMs, signal);
    }
  }
}

import { Annotation, MediaJobSpec, type MediaJobSpecInput } from '@mediajob/contract';
import { Jobs } from '@mediajob/kube';
import type { MemoryServer } from '../../../packages/kube/test/memory-api/index.js';
import { type MediaJobObject, MediaJobs } from '../../src/media-job-kind.js';
import { aMediaJob, NAMESPACE } from '../builders.js';
import type { Chance } from './chance.js';
import type { Ledger } from './ledger.js';
import type { Story } from './story.js';

export interface PeopleOptions {
  readonly server: MemoryServer;
  readonly chance: Chance;
  readonly ledger: Ledger;
  readonly story: Story;
}

/** Who makes, changes and deletes MediaJobs, whenever they like. */
export class People {
  readonly #options: PeopleOptions;
  #tokens = 0;

  constructor(options: PeopleOptions) {
    this.#options = options;
  }

  get jobs(): MediaJobObject[] {
    return this.#options.server.all(MediaJobs);
  }

  create(name: string): void {
    const { server, chance, ledger, story } = this.#options;
    if (server.find(MediaJobs, refTo(name)) !== undefined) return;
    const { apiVersion, kind, spec } = aMediaJob().withSpec(this.#spec()).build();
    const made = server.create(MediaJobs, { apiVersion, kind, metadata: { name, namespace: NAMESPACE }, spec });
    const nature = { chunks: chance.pick([0, 1, 1, 2, 3, 5, 6]), doomed: chance.hits(0.08) };
    ledger.natures.set(made.metadata.uid, nature);
    ledger.allows(made.metadata.uid, spec as MediaJobSpec);
    story.tell('person', `makes ${name}: ${JSON.stringify({ ...nature, ...this.#short(made) })}`);
  }

  /** Does one of the things that people do to a job. */
  meddle({ metadata, spec }: MediaJobObject): void {
    const { server, chance, ledger } = this.#options;
    const { name, uid } = metadata;
    const { suspend = false, cancel = false } = spec as { suspend?: boolean; cancel?: boolean };
    const deed = chance.weighted<() => void>([
      [4, () => this.edit(name, { suspend: !suspend })],
      [2, () => this.edit(name, { cancel: true })],
      [cancel ? 20 : 4, () => this.retry(name)],
      [1.5, () => this.delete(name)],
      [1, () => this.annotate(name, { [Annotation.pause]: chance.hits(0.5) ? 'true' : undefined })],
      [1, () => this.annotate(name, { [Annotation.keepFiles]: chance.hits(0.5) ? 'true' : undefined })],
      [1, () => this.edit(name, { activeDeadlineSeconds: chance.pick([600, 3_600, 86_400]) })],
      [0.4, () => this.edit(name, { ttlSecondsAfterFinished: chance.pick([0, 60, 600]) })],
      [1, () => this.edit(name, { retries: chance.whole(0, 4) })],
      [1, () => this.annotate(name, { [Annotation.title]: `title ${this.#tokens++}` })],
      [
        2,
        () => {
          const own = server.all(Jobs).filter((it) => it.metadata.ownerReferences?.[0]?.uid === uid);
          const job = chance.pick(own);
          if (job === undefined) return;
          this.#options.story.tell('person', `deletes the Job ${job.metadata.name}`);
          ledger.meddled.add(uid);
          server.delete(Jobs, refTo(job.metadata.name), { propagationPolicy: 'Background' });
        },
      ],
    ]);
    ledger.add(ledger.deeds, uid);
    deed();
  }

  edit(name: string, change: Partial<MediaJobSpecInput>): void {
    this.#options.story.tell('person', `edits ${name}: ${JSON.stringify(change)}`);
    const { metadata } = this.#options.server.update(MediaJobs, refTo(name), (it) => ({
      ...it,
      spec: MediaJobSpec.parse({ ...(it.spec as object), ...change }),
    }));
    this.#options.ledger.allows(metadata.uid, change);
  }

  annotate(name: string, change: Record<string, string | undefined>): void {
    this.#options.story.tell('person', `annotates ${name}: ${JSON.stringify(change)}`);
    this.#options.server.update(MediaJobs, refTo(name), (it) => {
      const all = Object.entries({ ...it.metadata.annotations, ...change });
      const annotations = Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
      return { ...it, metadata: { ...it.metadata, annotations } };
    });
  }

  /** One patch, as main sends it. */
  retry(name: string): void {
    const token = `token-${this.#tokens++}`;
    this.#options.story.tell('person', `retries ${name}: ${token}`);
    this.#options.server.update(MediaJobs, refTo(name), (it) => ({
      ...it,
      metadata: { ...it.metadata, annotations: { ...it.metadata.annotations, [Annotation.retry]: token } },
      spec: MediaJobSpec.parse({ ...(it.spec as object), cancel: false }),
    }));
  }

  delete(name: string): void {
    this.#options.story.tell('person', `deletes ${name}`);
    this.#options.server.delete(MediaJobs, refTo(name), { propagationPolicy: 'Background' });
  }

  /** Lets go of everything that they hold up. */
  calm(): void {
    for (const { metadata, spec } of this.jobs) {
      if (metadata.annotations?.[Annotation.pause] !== undefined) {
        this.annotate(metadata.name, { [Annotation.pause]: undefined });
      }
      const { suspend } = spec as { suspend?: boolean };
      if (suspend === true) this.edit(metadata.name, { suspend: false });
    }
  }

  #spec(): Partial<MediaJobSpecInput> {
    const { chance } = this.#options;
    const render = chance.hits(0.25);
    return {
      ...(render && { convert: { renditions: [{ format: 'mp3' }] } }),
      transcribe: render && chance.hits(0.3) ? undefined : { parallelism: chance.whole(1, 4) },
      retries: chance.whole(0, 3),
      ...(chance.hits(0.15) && { activeDeadlineSeconds: chance.pick([300, 1_200, 7_200]) }),
      ...(chance.hits(0.1) && { ttlSecondsAfterFinished: chance.pick([0, 120]) }),
      ...(chance.hits(0.1) && { suspend: true }),
      ...(chance.hits(0.2) && { profile: 'gpu' }),
    };
  }

  #short({ spec }: MediaJobObject): object {
    const { transcribe, convert, source: _, ...rest } = spec as MediaJobSpec;
    const what = { transcribe: transcribe?.parallelism, render: convert.renditions.length > 0 };
    return { ...what, ...rest };
  }
}

function refTo(name: string): { name: string; namespace: string } {
  return { name, namespace: NAMESPACE };
}

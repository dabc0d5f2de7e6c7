import type { ServerEvent } from '@mediajob/contract';
import { type Environment, Informer, type KubeApi } from '@mediajob/kube';
import type { Registry } from '@mediajob/service';
import { ClusterDirectory } from './cluster-directory.js';
import { ClusterJobs } from './cluster-jobs.js';
import { ClusterLink } from './cluster-link.js';
import { ClusterView, VIEW_INDEXES } from './cluster-view.js';
import { JobFeed } from './job-feed.js';
import { type MediaJobObject, MediaJobs } from './media-job-kind.js';
import { Outbox } from './outbox.js';
import { OutboxDelivery } from './outbox-delivery.js';
import type { OutboxFiles } from './outbox-files.js';

export interface ClusterOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly files: OutboxFiles;
  readonly environment: Environment;
  readonly registry?: Registry;
  publish(event: ServerEvent): void;
}

/** The jobs of a namespace: what is known of them, what is kept for them, and what makes both come true. */
export class Cluster {
  readonly namespace: string;
  readonly link: ClusterLink;
  readonly view: ClusterView;
  readonly outbox: Outbox;
  readonly directory: ClusterDirectory;
  readonly jobs: ClusterJobs;
  readonly delivery: OutboxDelivery;
  readonly #informer: Informer<MediaJobObject>;

  constructor(options: ClusterOptions) {
    const { api, namespace, files, environment, registry, publish } = options;
    this.namespace = namespace;
    this.link = new ClusterLink({ api, namespace, environment });
    this.#informer = new Informer({
      api,
      kind: MediaJobs,
      environment,
      ...(registry === undefined ? {} : { registry }),
      namespaces: [namespace],
      indexes: VIEW_INDEXES,
    });
    this.view = new ClusterView(this.#informer, namespace);
    const feed = new JobFeed(this.view, publish);
    this.outbox = new Outbox(files, { environment, onChanged: feed.onKept, onRemoved: feed.onKeptRemoved });
    this.#informer.subscribe(feed.onClusterChange);
    this.directory = new ClusterDirectory(this.view, this.outbox);
    const parts = { api, namespace, link: this.link, view: this.view, environment };
    this.delivery = new OutboxDelivery(this.outbox, parts);
    this.jobs = new ClusterJobs({
      ...parts,
      directory: this.directory,
      outbox: this.outbox,
      onKept: () => this.delivery.wake(),
    });
    this.link.onChange(() => publish({ type: 'system' }));
  }

  /** Settles when the jobs of the cluster have been seen once; never, when it cannot be reached. */
  get synced(): Promise<void> {
    return this.#informer.synced;
  }

  /** Watches the cluster. @returns settles when the signal is aborted */
  async watch(signal: AbortSignal): Promise<void> {
    await Promise.all([this.link.run(signal), this.#informer.run(signal)]);
  }
}

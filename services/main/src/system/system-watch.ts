import type { EventSource } from '../events/event-source.js';
import type { SystemService } from './system.service.js';

const EVERY_MS = 10_000;

/** Tells the page when a worker comes or goes, so that it need not ask again and again. */
export class SystemWatch {
  readonly #system: Pick<SystemService, 'workers'>;
  readonly #events: Pick<EventSource, 'publish'>;
  #timer: NodeJS.Timeout | undefined;
  #seen: string | undefined;
  #stopped = false;

  constructor(system: Pick<SystemService, 'workers'>, events: Pick<EventSource, 'publish'>) {
    this.#system = system;
    this.#events = events;
  }

  start(): void {
    void this.look().finally(() => {
      if (!this.#stopped) this.#timer = setTimeout(() => this.start(), EVERY_MS).unref();
    });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Asks once. The first look only remembers. */
  async look(): Promise<void> {
    const workers = await this.#system.workers().catch(() => undefined);
    if (workers === undefined || this.#stopped) return;
    const states = workers.map(({ name, address, state, instance }) => [name, address, state, instance].join(' '));
    const now = states.sort().join('\n');
    if (this.#seen !== undefined && this.#seen !== now) this.#events.publish({ type: 'system' });
    this.#seen = now;
  }
}

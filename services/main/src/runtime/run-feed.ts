import type { TaskStatus } from '@mediajob/contract';
import type { Clock } from './clock.js';
import type { Workers } from './workers.js';

/** A stream that ended is not opened again for this long: a worker may have none, or a proxy cut each at once. */
const OPEN_AGAIN_MS = 1000;

/** What a worker tells of a run by itself. Of what it told, the newest is kept until it is taken. */
export class RunFeed {
  readonly #workers: Workers;
  readonly #id: string;
  readonly #onNews: () => void;
  readonly #clock: Clock;
  #address: string | undefined;
  #ending = new AbortController();
  #opened: { readonly address: string; readonly at: number } | undefined;
  #news: TaskStatus | undefined;

  /** @param onNews called when there is something to take, and when the stream ends */
  constructor(workers: Workers, id: string, clock: Clock, onNews: () => void) {
    this.#workers = workers;
    this.#id = id;
    this.#clock = clock;
    this.#onNews = onNews;
  }

  get open(): boolean {
    return this.#address !== undefined;
  }

  get hasNews(): boolean {
    return this.#news !== undefined;
  }

  /** Listens at this address and no other. Cheap when it does already. */
  listen(address: string): void {
    if (this.#address === address) return;
    const now = this.#clock.now();
    if (this.#opened?.address === address && now - this.#opened.at < OPEN_AGAIN_MS) return;
    this.#opened = { address, at: now };
    this.close();
    const ending = new AbortController();
    this.#address = address;
    this.#ending = ending;
    const tell = (status: TaskStatus): void => {
      if (ending.signal.aborted) return;
      this.#news = status;
      this.#onNews();
    };
    void this.#workers.follow(address, this.#id, tell, ending.signal).then(() => {
      if (ending.signal.aborted) return;
      this.#address = undefined;
      this.#onNews();
    });
  }

  take(): TaskStatus | undefined {
    const news = this.#news;
    this.#news = undefined;
    return news;
  }

  close(): void {
    this.#ending.abort();
    this.#address = undefined;
    this.#news = undefined;
  }
}

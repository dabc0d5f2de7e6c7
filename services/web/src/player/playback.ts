import { Store } from '../components/store.ts';

type TimeListener = (ms: number) => void;

/**
 * The media element as the page uses it: times in ms, and the present time told once a frame while it plays,
 * without a render.
 */
export class Playback {
  readonly playing = new Store(false);
  readonly durationMs = new Store(0);
  readonly rate = new Store(1);
  readonly muted = new Store(false);
  readonly failed = new Store(false);
  /** Whether there is a picture to see. */
  readonly picture = new Store(false);
  #element: HTMLMediaElement | undefined;
  #frame: number | undefined;
  /** Where to go once the media is there, or the seek that is under way has ended. */
  #wanted: number | undefined;
  readonly #listeners = new Set<TimeListener>();

  /** Takes charge of an element. Returns how to let go of it. */
  attach(element: HTMLMediaElement): () => void {
    this.#element = element;
    const tell = () => this.#tell();
    const started = () => {
      this.playing.set(true);
      this.#loop();
    };
    const stopped = () => {
      this.playing.set(false);
      tell();
    };
    const loaded = () => {
      this.failed.set(false);
      if (Number.isFinite(element.duration)) this.durationMs.set(Math.round(element.duration * 1000));
      this.picture.set(element instanceof HTMLVideoElement && element.videoWidth > 0);
      element.playbackRate = this.rate.get();
      this.#go();
    };
    const seeked = () => {
      this.#go();
      tell();
    };
    const failed = () => {
      this.failed.set(true);
      this.playing.set(false);
    };
    const muted = () => this.muted.set(element.muted);
    const handlers = {
      play: started,
      playing: started,
      pause: stopped,
      ended: stopped,
      seeked,
      timeupdate: tell,
      loadedmetadata: loaded,
      durationchange: loaded,
      volumechange: muted,
      error: failed,
    };
    for (const [name, handler] of Object.entries(handlers)) element.addEventListener(name, handler);
    if (element.readyState >= HTMLMediaElement.HAVE_METADATA) loaded();
    if (element.error !== null) failed();
    return () => {
      for (const [name, handler] of Object.entries(handlers)) element.removeEventListener(name, handler);
      if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
      this.#frame = undefined;
      this.#element = undefined;
    };
  }

  get currentMs(): number {
    return this.#wanted ?? Math.round((this.#element?.currentTime ?? 0) * 1000);
  }

  seek(ms: number): void {
    const element = this.#element;
    if (element === undefined) return;
    this.#wanted = Math.max(0, this.durationMs.get() > 0 ? Math.min(ms, this.durationMs.get()) : ms);
    this.#go();
    this.#tell();
  }

  /**
   * One seek at a time; of those wanted meanwhile, the last. Chromium hangs for good, `seeking` and silent, when it is sent
   * away and back again while the first seek is still under way.
   */
  #go(): void {
    const element = this.#element;
    if (element === undefined || this.#wanted === undefined) return;
    if (element.readyState < HTMLMediaElement.HAVE_METADATA || element.seeking) return;
    element.currentTime = this.#wanted / 1000;
    this.#wanted = undefined;
  }

  skip(ms: number): void {
    this.seek(this.currentMs + ms);
  }

  toggle(): void {
    const element = this.#element;
    if (element === undefined) return;
    // A refusal to play (no media, or the browser's rules) is told by the error event or by staying paused.
    if (element.paused) element.play().catch(() => undefined);
    else element.pause();
  }

  setRate(rate: number): void {
    this.rate.set(rate);
    if (this.#element !== undefined) this.#element.playbackRate = rate;
  }

  toggleMute(): void {
    if (this.#element !== undefined) this.#element.muted = !this.#element.muted;
  }

  /** Tells the present time now and whenever it changes. Returns how to stop. */
  onTime(listener: TimeListener): () => void {
    this.#listeners.add(listener);
    listener(this.currentMs);
    return () => this.#listeners.delete(listener);
  }

  #loop(): void {
    if (this.#frame !== undefined) return;
    const step = () => {
      this.#frame = this.playing.get() ? requestAnimationFrame(step) : undefined;
      this.#tell();
    };
    this.#frame = requestAnimationFrame(step);
  }

  #tell(): void {
    const ms = this.currentMs;
    for (const listener of this.#listeners) listener(ms);
  }
}

import type { StepProgress } from '@mediajob/contract';
import type { StepContext } from './context.js';

const EVERY_MS = 250;

/** Passes progress on, never backwards and not more often than people can see. */
export class ProgressMeter {
  readonly #context: Pick<StepContext, 'progress' | 'now'>;
  #fraction = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(context: Pick<StepContext, 'progress' | 'now'>) {
    this.#context = context;
  }

  /** @param progress `fraction` outside 0 to 1 is clamped */
  report(progress: StepProgress): void {
    const fraction = Math.min(1, Math.max(this.#fraction, progress.fraction));
    const nowMs = this.#context.now().getTime();
    if (fraction < 1 && nowMs - this.#lastMs < EVERY_MS) return;
    this.#fraction = fraction;
    this.#lastMs = nowMs;
    this.#context.progress({ ...progress, fraction });
  }

  /** A part of the whole, for work that counts from 0 to 1 itself. */
  between(from: number, to: number): (fraction: number) => void {
    return (fraction) => this.report({ fraction: from + (to - from) * Math.min(1, Math.max(0, fraction)) });
  }
}

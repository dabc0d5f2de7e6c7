import type { Peaks } from '@mediajob/contract';
import { type KeyboardEvent, type PointerEvent, useEffect, useRef } from 'react';
import { useStore } from '../components/store.ts';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { preferences } from '../preferences/preferences.ts';
import type { Playback } from './playback.ts';

const BAR_PX = 2;
const GAP_PX = 1;
const STEP_MS = 5_000;

interface WaveformProps {
  readonly playback: Playback;
  readonly peaks: Peaks | undefined;
  readonly durationMs: number;
  /** Times to mark, such as those of search hits. */
  readonly marksMs: readonly number[];
}

/** The recording as a picture of its loudness: shows and sets the position. Drawn outside React. */
export function Waveform({ playback, peaks, durationMs, marksMs }: WaveformProps) {
  const { m, f } = useI18n();
  const canvas = useRef<HTMLCanvasElement>(null);
  const slider = useRef<HTMLDivElement>(null);
  const { theme } = useStore(preferences);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme means other colours to draw with
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const painter = new WaveformPainter(element, peaks, durationMs, marksMs);
    const resized = new ResizeObserver(() => painter.resize());
    resized.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const recolour = () => painter.resize();
    scheme.addEventListener('change', recolour);
    const stop = playback.onTime((ms) => painter.moveTo(ms));
    return () => {
      stop();
      resized.disconnect();
      scheme.removeEventListener('change', recolour);
    };
  }, [playback, peaks, durationMs, marksMs, theme]);

  useEffect(
    () =>
      playback.onTime((ms) => {
        const element = slider.current;
        const seconds = String(Math.floor(ms / 1000));
        if (element === null || element.getAttribute('aria-valuenow') === seconds) return;
        element.setAttribute('aria-valuenow', seconds);
        element.setAttribute(
          'aria-valuetext',
          fill(m.player.positionValue, { time: f.clock(ms), total: f.clock(durationMs) }),
        );
      }),
    [playback, durationMs, m, f],
  );

  const seekTo = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    playback.seek(((event.clientX - box.left) / box.width) * durationMs);
  };
  const onKey = (event: KeyboardEvent) => {
    const jumps: Record<string, () => void> = {
      ArrowLeft: () => playback.skip(-STEP_MS),
      ArrowDown: () => playback.skip(-STEP_MS),
      ArrowRight: () => playback.skip(STEP_MS),
      ArrowUp: () => playback.skip(STEP_MS),
      PageDown: () => playback.skip(-durationMs / 10),
      PageUp: () => playback.skip(durationMs / 10),
      Home: () => playback.seek(0),
      End: () => playback.seek(durationMs),
    };
    const jump = jumps[event.key];
    if (jump === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    jump();
  };
  return (
    <div
      ref={slider}
      className="waveform"
      role="slider"
      tabIndex={0}
      aria-label={m.player.position}
      aria-valuemin={0}
      aria-valuemax={Math.floor(durationMs / 1000)}
      aria-valuenow={0}
      onKeyDown={onKey}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        seekTo(event);
      }}
      onPointerMove={(event) => {
        if (event.buttons === 1) seekTo(event);
      }}
    >
      <canvas ref={canvas} />
    </div>
  );
}

class WaveformPainter {
  readonly #canvas: HTMLCanvasElement;
  readonly #peaks: Peaks | undefined;
  readonly #durationMs: number;
  readonly #marksMs: readonly number[];
  #bars: readonly number[] = [];
  #playedBars = -1;
  #colors = { ahead: '', played: '', mark: '' };

  constructor(canvas: HTMLCanvasElement, peaks: Peaks | undefined, durationMs: number, marksMs: readonly number[]) {
    this.#canvas = canvas;
    this.#peaks = peaks;
    this.#durationMs = durationMs;
    this.#marksMs = marksMs;
    this.resize();
  }

  resize(): void {
    const { clientWidth, clientHeight } = this.#canvas;
    this.#canvas.width = Math.round(clientWidth * devicePixelRatio);
    this.#canvas.height = Math.round(clientHeight * devicePixelRatio);
    const style = getComputedStyle(this.#canvas);
    this.#colors = {
      ahead: style.getPropertyValue('--wave'),
      played: style.getPropertyValue('--accent-line'),
      mark: style.getPropertyValue('--hit-line'),
    };
    // Colours come as light-dark(); a canvas takes only what the browser has resolved.
    for (const name of ['ahead', 'played', 'mark'] as const) {
      this.#canvas.style.color = this.#colors[name];
      this.#colors[name] = getComputedStyle(this.#canvas).color;
    }
    this.#bars = barsOf(this.#peaks, Math.max(1, Math.floor(clientWidth / (BAR_PX + GAP_PX))));
    const played = this.#playedBars;
    this.#playedBars = -1;
    this.#draw(Math.max(0, played));
  }

  moveTo(ms: number): void {
    this.#draw(Math.round((ms / Math.max(1, this.#durationMs)) * this.#bars.length));
  }

  #draw(playedBars: number): void {
    if (playedBars === this.#playedBars) return;
    this.#playedBars = playedBars;
    const context = this.#canvas.getContext('2d');
    if (context === null) return;
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, width, height);
    this.#bars.forEach((level, at) => {
      const bar = Math.max(2, level * (height - 6));
      context.fillStyle = at < playedBars ? this.#colors.played : this.#colors.ahead;
      context.fillRect(at * (BAR_PX + GAP_PX), (height - bar) / 2, BAR_PX, bar);
    });
    context.fillStyle = this.#colors.mark;
    for (const ms of this.#marksMs) context.fillRect((ms / this.#durationMs) * width - 1, height - 4, 2, 4);
    context.fillStyle = this.#colors.played;
    context.fillRect(Math.min(width - 1, playedBars * (BAR_PX + GAP_PX)), 0, 1, height);
  }
}

/** Loudest value of each bar, 0 to 1, stretched so that a quiet recording is seen, too. */
export function barsOf(peaks: Peaks | undefined, count: number): readonly number[] {
  const values = peaks?.values ?? [];
  if (values.length === 0) return Array.from({ length: count }, () => 0);
  const loudest = values.reduce((most, value) => Math.max(most, value), 1);
  return Array.from({ length: count }, (_, bar) => {
    const from = Math.floor((bar * values.length) / count);
    const to = Math.max(from + 1, Math.floor(((bar + 1) * values.length) / count));
    let most = 0;
    for (let at = from; at < to; at += 1) most = Math.max(most, values[at] ?? 0);
    return most / loudest;
  });
}

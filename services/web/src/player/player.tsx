import type { Peaks } from '@mediajob/contract';
import { useEffect, useRef, useState } from 'react';
import { Icon } from '../components/icon.tsx';
import { Notice } from '../components/notice.tsx';
import { useStore } from '../components/store.ts';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import type { Playback } from './playback.ts';
import { Waveform } from './waveform.tsx';

const RATES = [0.75, 1, 1.25, 1.5, 1.75, 2] as const;
export const SKIP_SECONDS = 10;

interface PlayerProps {
  readonly playback: Playback;
  readonly jobId: string;
  readonly video: boolean;
  readonly peaks: Peaks | undefined;
  readonly durationMs: number;
  readonly marksMs: readonly number[];
}

/** The recording with our own controls around the browser's element. What it cannot play is tried once more as sound alone. */
export function Player({ playback, jobId, video, peaks, durationMs, marksMs }: PlayerProps) {
  const { m } = useI18n();
  const failed = useStore(playback.failed);
  const picture = useStore(playback.picture);
  const [soundOnly, setSoundOnly] = useState(false);
  useEffect(() => {
    if (failed && !soundOnly) setSoundOnly(true);
  }, [failed, soundOnly]);
  const source = `/api/v1/jobs/${jobId}/media${soundOnly ? '?prefer=audio' : ''}`;
  return (
    <section className="player" aria-label={m.player.label}>
      <Media key={source} source={source} playback={playback} video={video && !soundOnly} shown={picture} />
      {failed && soundOnly ? <Notice tone="warning" what={m.transcript.playerFailed} /> : null}
      <div className="player-bar">
        <Buttons playback={playback} />
        <Waveform playback={playback} peaks={peaks} durationMs={durationMs} marksMs={marksMs} />
        <Time playback={playback} durationMs={durationMs} />
        <Extras playback={playback} />
      </div>
    </section>
  );
}

interface MediaProps {
  readonly source: string;
  readonly playback: Playback;
  readonly video: boolean;
  readonly shown: boolean;
}

function Media({ source, playback, video, shown }: MediaProps) {
  const element = useRef<HTMLVideoElement & HTMLAudioElement>(null);
  useEffect(() => (element.current === null ? undefined : playback.attach(element.current)), [playback]);
  if (!video) {
    // biome-ignore lint/a11y/useMediaCaption: the transcript of the whole recording stands beneath
    return <audio ref={element} src={source} preload="metadata" />;
  }
  return (
    // biome-ignore lint/a11y/useMediaCaption: the transcript of the whole recording stands beneath
    <video
      ref={element}
      className={shown ? 'player-picture' : 'player-picture is-hidden'}
      src={source}
      preload="metadata"
      playsInline
      onClick={() => playback.toggle()}
    />
  );
}

function Buttons({ playback }: { readonly playback: Playback }) {
  const { m } = useI18n();
  const playing = useStore(playback.playing);
  return (
    <div className="player-buttons">
      <button
        type="button"
        className="icon-button"
        aria-label={fill(m.player.back, { n: SKIP_SECONDS })}
        onClick={() => playback.skip(-SKIP_SECONDS * 1000)}
      >
        <Icon name="back" />
      </button>
      <button
        type="button"
        className="play-button"
        aria-label={playing ? m.player.pause : m.player.play}
        onClick={() => playback.toggle()}
      >
        <Icon name={playing ? 'pause' : 'play'} />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={fill(m.player.forward, { n: SKIP_SECONDS })}
        onClick={() => playback.skip(SKIP_SECONDS * 1000)}
      >
        <Icon name="forward" />
      </button>
    </div>
  );
}

function Time({ playback, durationMs }: { readonly playback: Playback; readonly durationMs: number }) {
  const { f } = useI18n();
  const present = useRef<HTMLSpanElement>(null);
  useEffect(
    () =>
      playback.onTime((ms) => {
        const text = f.clock(ms);
        if (present.current !== null && present.current.textContent !== text) present.current.textContent = text;
      }),
    [playback, f],
  );
  return (
    <span className="player-time" aria-hidden="true">
      <span ref={present} />
      <span className="player-total"> / {f.clock(durationMs)}</span>
    </span>
  );
}

function Extras({ playback }: { readonly playback: Playback }) {
  const { m, f } = useI18n();
  const rate = useStore(playback.rate);
  const muted = useStore(playback.muted);
  return (
    <div className="player-extras">
      <select
        aria-label={m.player.speed}
        value={rate}
        onChange={(event) => playback.setRate(Number(event.target.value))}
      >
        {RATES.map((it) => (
          <option key={it} value={it}>
            {new Intl.NumberFormat(f.language).format(it)}×
          </option>
        ))}
      </select>
      <button
        type="button"
        className="icon-button"
        aria-label={muted ? m.player.unmute : m.player.mute}
        onClick={() => playback.toggleMute()}
      >
        <Icon name={muted ? 'silent' : 'sound'} />
      </button>
    </div>
  );
}

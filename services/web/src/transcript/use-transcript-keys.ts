import { type RefObject, useEffect, useRef } from 'react';
import type { Playback } from '../player/playback.ts';
import { SKIP_SECONDS } from '../player/player.tsx';

const STEP_MS = 5_000;

/**
 * Keys for listening: space and K play, J and L skip, arrows step, / searches, D goes to the next doubtful place.
 * By the place of the key, not its letter: on a Russian layout they work just the same.
 */
export function useTranscriptKeys(
  playback: Playback,
  searchField: RefObject<HTMLInputElement | null>,
  goToDoubt: () => void,
): void {
  const doubt = useRef(goToDoubt);
  useEffect(() => {
    doubt.current = goToDoubt;
  });
  useEffect(() => {
    const actions: Record<string, () => void> = {
      Space: () => playback.toggle(),
      KeyK: () => playback.toggle(),
      KeyJ: () => playback.skip(-SKIP_SECONDS * 1000),
      KeyL: () => playback.skip(SKIP_SECONDS * 1000),
      ArrowLeft: () => playback.skip(-STEP_MS),
      ArrowRight: () => playback.skip(STEP_MS),
      Slash: () => {
        searchField.current?.focus();
        searchField.current?.select();
      },
      KeyD: () => doubt.current(),
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const action = actions[event.code];
      if (action === undefined || isTaken(event.target, event.code)) return;
      event.preventDefault();
      action();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [playback, searchField]);
}

/** Whether the element that has the focus needs the key itself. */
function isTaken(target: EventTarget | null, code: string): boolean {
  if (!(target instanceof Element)) return false;
  if (target.closest('input, textarea, select, [contenteditable], dialog, [role="menu"]') !== null) return true;
  return code === 'Space' && target.closest('button, a, summary, [role="button"]') !== null;
}

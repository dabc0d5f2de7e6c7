import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type MouseEvent, type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useStore } from '../components/store.ts';
import { useI18n } from '../i18n/i18n.tsx';
import type { Playback } from '../player/playback.ts';
import { highlight, placeAtPoint, rangeIn } from './highlights.ts';
import { ParagraphView } from './paragraph-view.tsx';
import { paragraphAt, type TranscriptIndex, wordAt, wordAtPlace } from './transcript-index.ts';
import type { Hit } from './transcript-search.ts';

interface TranscriptListProps {
  readonly label: string;
  readonly index: TranscriptIndex;
  readonly language: string;
  readonly playback: Playback;
  readonly hits: readonly Hit[];
  /** The hit that the person is at. */
  readonly presentHit: Hit | undefined;
  /** Paragraph to bring into view; a new object each time it is asked for. */
  readonly target: { readonly paragraph: number } | undefined;
  /** What covers the top of the window. */
  readonly cover: RefObject<HTMLElement | null>;
  /** Given: the text can be corrected. `undefined` takes a correction back. */
  readonly onEdit: ((segment: number, text: string) => void) | undefined;
}

const LINE_PX = 29;
const CHARACTERS_A_LINE = 68;
const AROUND_PX = 22;

/** The text as a long page of which only what is near the window exists. */
export function TranscriptList(props: TranscriptListProps) {
  const { label, index, language, playback, hits, presentHit, target, cover, onEdit } = props;
  const { m } = useI18n();
  const { paragraphs, words } = index;
  const list = useRef<HTMLElement>(null);
  const [top, setTop] = useState(0);
  const playing = useStore(playback.playing);
  const [following, setFollowing] = useState(true);
  const coverHeight = () => (cover.current?.getBoundingClientRect().height ?? 0) + 64;

  const virtualizer = useWindowVirtualizer({
    count: paragraphs.length,
    estimateSize: (at) => Math.ceil((paragraphs[at]?.text.length ?? 0) / CHARACTERS_A_LINE) * LINE_PX + AROUND_PX,
    overscan: 6,
    scrollMargin: top,
    scrollPaddingStart: 180,
    scrollPaddingEnd: 120,
  });
  const rows = virtualizer.getVirtualItems();

  useLayoutEffect(() => {
    const measure = () => setTop(Math.round((list.current?.getBoundingClientRect().top ?? 0) + window.scrollY));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);

  const findRange = useCallback((paragraph: number, from: number, to: number) => {
    const element = list.current?.querySelector(`[data-paragraph="${paragraph}"]`);
    return element === null || element === undefined ? undefined : rangeIn(element, from, to);
  }, []);

  // Marks that stand still, anew for the paragraphs that are there now.
  const firstRow = rows[0]?.index ?? 0;
  const lastRow = rows.at(-1)?.index ?? -1;
  useLayoutEffect(() => {
    const from = paragraphs[firstRow]?.firstWord ?? 0;
    const to = paragraphs[lastRow]?.lastWord ?? 0;
    const low = words.slice(from, to).filter((word) => word.low);
    highlight(
      'low',
      low.map((word) => findRange(word.paragraph, word.from, word.to)),
    );
    const near = hits.filter((hit) => hit.paragraph >= firstRow && hit.paragraph <= lastRow);
    highlight(
      'hit',
      near.map((hit) => findRange(hit.paragraph, hit.from, hit.to)),
    );
    highlight('present-hit', [
      presentHit === undefined ? undefined : findRange(presentHit.paragraph, presentHit.from, presentHit.to),
    ]);
  });

  // The word that is being said, and the page kept where it is.
  useEffect(() => {
    let shown = -2;
    const stop = playback.onTime((ms) => {
      const at = wordAt(words, ms);
      const word = words[at];
      const ranges = word === undefined ? [] : [findRange(word.paragraph, word.from, word.to)];
      if (at !== shown || ranges.some((range) => range !== undefined)) highlight('spoken', ranges);
      if (at !== shown && following && playback.playing.get()) {
        const paragraph = paragraphAt(paragraphs, ms);
        const box = list.current?.querySelector(`[data-paragraph="${paragraph}"]`)?.getBoundingClientRect();
        const visible = box !== undefined && box.top >= coverHeight() && box.bottom <= window.innerHeight - 40;
        const tallAndSeen =
          box !== undefined && box.height > window.innerHeight / 2 && box.top < window.innerHeight / 2;
        if (!visible && !tallAndSeen) virtualizer.scrollToIndex(paragraph, { align: 'center' });
      }
      shown = at;
    });
    return () => {
      stop();
      highlight('spoken', []);
    };
  });
  useEffect(
    () => () => {
      for (const name of ['low', 'hit', 'present-hit'] as const) highlight(name, []);
    },
    [],
  );

  // Whoever scrolls wants to read elsewhere: the page no longer moves by itself.
  useEffect(() => {
    const letGo = () => setFollowing(false);
    window.addEventListener('wheel', letGo, { passive: true });
    window.addEventListener('touchmove', letGo, { passive: true });
    return () => {
      window.removeEventListener('wheel', letGo);
      window.removeEventListener('touchmove', letGo);
    };
  }, []);

  useEffect(() => {
    if (target === undefined) return;
    setFollowing(false);
    virtualizer.scrollToIndex(target.paragraph, { align: 'center' });
  }, [target, virtualizer]);

  const seekToWord = (event: MouseEvent) => {
    // Text that is being selected is wanted for copying.
    if (onEdit !== undefined || document.getSelection()?.isCollapsed === false) return;
    const place = placeAtPoint(event.clientX, event.clientY);
    if (place === undefined) return;
    const word = wordAtPlace(index, place.paragraph, place.place);
    if (word === undefined) return;
    setFollowing(true);
    playback.seek(word.startMs);
  };

  return (
    <>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: a shortcut for the mouse; by keyboard every time is a button */}
      <section
        ref={list}
        className="transcript"
        aria-label={label}
        lang={language}
        style={{ height: virtualizer.getTotalSize() }}
        onClick={seekToWord}
      >
        {rows.map((row) => {
          const paragraph = paragraphs[row.index];
          if (paragraph === undefined) return null;
          return (
            <div
              key={row.key}
              ref={virtualizer.measureElement}
              data-index={row.index}
              className="transcript-row"
              style={{ transform: `translateY(${row.start - virtualizer.options.scrollMargin}px)` }}
            >
              <ParagraphView
                at={row.index}
                paragraph={paragraph}
                separator={index.separator}
                onSeek={(ms) => {
                  setFollowing(true);
                  playback.seek(ms);
                }}
                onEdit={onEdit}
              />
            </div>
          );
        })}
      </section>
      {playing && !following ? (
        <button type="button" className="button follow" onClick={() => setFollowing(true)}>
          {m.transcript.follow}
        </button>
      ) : null}
    </>
  );
}

import type { MediaJob, Transcript } from '@mediajob/contract';
import { useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { ApiError } from '../api/problem.ts';
import { usePeaks } from '../api/queries.ts';
import { CopyButton } from '../components/copy-button.tsx';
import { Empty } from '../components/empty.tsx';
import { Icon } from '../components/icon.tsx';
import { Notice } from '../components/notice.tsx';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { Playback } from '../player/playback.ts';
import { Player } from '../player/player.tsx';
import { useEdits } from './edits.ts';
import { indexTranscript, plainText, wordAtPlace } from './transcript-index.ts';
import { TranscriptList } from './transcript-list.tsx';
import { searchTranscript } from './transcript-search.ts';
import { useTranscriptKeys } from './use-transcript-keys.ts';

interface TranscriptViewProps {
  readonly job: MediaJob;
  readonly transcript: Transcript;
}

/** The recording and its text: listen, read along, search, correct. */
export function TranscriptView({ job, transcript }: TranscriptViewProps) {
  const { m, f } = useI18n();
  const id = job.metadata.uid;
  const [playback] = useState(() => new Playback());
  const peaks = usePeaks(id, true);
  const edits = useEdits(id, true);
  const index = useMemo(() => indexTranscript(transcript, edits.texts), [transcript, edits.texts]);
  const [editing, setEditing] = useState(false);
  const [needle, setNeedle] = useState('');
  const searched = useDeferredValue(needle);
  const hits = useMemo(() => searchTranscript(index, searched), [index, searched]);
  const [hitAt, setHitAt] = useState(0);
  const [target, setTarget] = useState<{ readonly paragraph: number }>();
  const searchField = useRef<HTMLInputElement>(null);
  const cover = useRef<HTMLDivElement>(null);
  const presentHit = hits[hitAt];

  const goToHit = (at: number) => {
    if (hits.length === 0) return;
    const wrapped = (at + hits.length) % hits.length;
    setHitAt(wrapped);
    const hit = hits[wrapped];
    if (hit !== undefined) setTarget({ paragraph: hit.paragraph });
  };
  useEffect(() => {
    setHitAt(0);
    if (hits[0] !== undefined) setTarget({ paragraph: hits[0].paragraph });
  }, [hits]);

  const lastDoubt = useRef(-1);
  const goToDoubt = () => {
    const next = index.doubtful.find((at) => at > lastDoubt.current) ?? index.doubtful[0];
    const paragraph = next === undefined ? undefined : index.paragraphs[next];
    if (next === undefined || paragraph === undefined) return;
    lastDoubt.current = next;
    setTarget({ paragraph: next });
    playback.seek(paragraph.startMs);
  };
  useTranscriptKeys(playback, searchField, goToDoubt);

  const marksMs = useMemo(
    () => hits.map((hit) => wordAtPlace(index, hit.paragraph, hit.from)?.startMs ?? 0),
    [hits, index],
  );
  const save = (segment: number, text: string) => {
    const original = transcript.segments[segment]?.text.trim();
    edits.save({ segment, text: text === original ? undefined : text });
  };

  return (
    <>
      <div className="transcript-head" ref={cover}>
        <Player
          playback={playback}
          jobId={id}
          video={job.status.media?.video === true}
          peaks={peaks.data}
          durationMs={transcript.durationMs}
          marksMs={marksMs}
        />
        {index.paragraphs.length === 0 ? null : (
          <div className="transcript-tools">
            <div className="transcript-search">
              <input
                ref={searchField}
                type="search"
                className="search"
                placeholder={m.transcript.search}
                aria-label={m.transcript.search}
                aria-keyshortcuts="/"
                value={needle}
                onChange={(event) => setNeedle(event.target.value)}
                onKeyDown={(event) => {
                  if (event.key === 'Enter') goToHit(hitAt + (event.shiftKey ? -1 : 1));
                  if (event.key === 'Escape') {
                    setNeedle('');
                    event.currentTarget.blur();
                  }
                }}
              />
              {searched.trim() === '' ? null : (
                <>
                  <span className="transcript-hits" role="status">
                    {hits.length === 0
                      ? m.transcript.noHits
                      : fill(m.transcript.hit, { n: f.number(hitAt + 1), total: f.number(hits.length) })}
                  </span>
                  <button
                    type="button"
                    className="icon-button"
                    aria-label={m.transcript.previous}
                    disabled={hits.length === 0}
                    onClick={() => goToHit(hitAt - 1)}
                  >
                    <Icon name="up" />
                  </button>
                  <button
                    type="button"
                    className="icon-button"
                    aria-label={m.transcript.next}
                    disabled={hits.length === 0}
                    onClick={() => goToHit(hitAt + 1)}
                  >
                    <Icon name="down" />
                  </button>
                </>
              )}
            </div>
            {index.doubtful.length === 0 ? null : (
              <button
                type="button"
                className="text-button text-button-doubt"
                title={m.transcript.nextDoubtLabel}
                aria-keyshortcuts="D"
                onClick={goToDoubt}
              >
                <span className="when-wide">{f.count(m.transcript.doubts, index.doubtful.length)}</span>
                <span className="when-narrow" aria-hidden="true">
                  {f.number(index.doubtful.length)}
                </span>
                <Icon name="down" />
              </button>
            )}
            <span className="transcript-tools-end">
              <CopyButton label={m.job.copyText} text={() => plainText(index)} icon />
              {edits.possible ? (
                <button
                  type="button"
                  className="button"
                  aria-pressed={editing}
                  onClick={() => setEditing((before) => !before)}
                >
                  <Icon name="pencil" />
                  <span className="when-wide">{editing ? m.transcript.editDone : m.transcript.edit}</span>
                </button>
              ) : null}
            </span>
          </div>
        )}
      </div>
      {editing ? (
        <p className="hint edit-hint" role="status">
          {edits.saving ? m.transcript.saving : edits.saved ? m.transcript.saved : m.transcript.editHint}
        </p>
      ) : null}
      {edits.error === null ? null : (
        <Notice
          tone="danger"
          what={
            edits.conflict
              ? m.transcript.saveConflict
              : fill(m.transcript.saveFailed, {
                  reason: m.problem[edits.error instanceof ApiError ? edits.error.code : 'unknown'].what,
                })
          }
          urgent
        >
          {edits.conflict ? (
            <button type="button" className="button" onClick={() => void edits.reload()}>
              {m.app.reload}
            </button>
          ) : null}
        </Notice>
      )}
      {index.paragraphs.length === 0 ? <Empty what={m.transcript.empty} next={m.transcript.emptyNext} /> : null}
      {!editing && index.words.some((word) => word.low) ? <p className="hint low-hint">{m.transcript.low}</p> : null}
      <TranscriptList
        label={m.transcript.label}
        index={index}
        language={transcript.task === 'translate' ? 'en' : transcript.language}
        playback={playback}
        hits={hits}
        presentHit={presentHit}
        target={target}
        cover={cover}
        onEdit={editing ? save : undefined}
      />
    </>
  );
}

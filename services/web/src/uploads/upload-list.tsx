import { useRef } from 'react';
import { Link } from 'react-router';
import { ProgressBar } from '../components/progress-bar.tsx';
import { useStore } from '../components/store.ts';
import { fill } from '../i18n/formatter.ts';
import { type I18n, useI18n } from '../i18n/i18n.tsx';
import { preferences } from '../preferences/preferences.ts';
import { refusals } from './add-files.ts';
import { uploads } from './page-uploads.ts';
import type { UploadItem } from './upload-queue.ts';
import { fileKey } from './upload-records.ts';

/** The uploads of this page and those that an earlier visit left. */
export function UploadList() {
  const { m } = useI18n();
  const items = useStore(uploads.items);
  if (items.length === 0) return null;
  return (
    <section aria-label={m.upload.uploading}>
      <ul className="uploads">
        {items.map((item) => (
          <UploadRow key={item.key} item={item} />
        ))}
      </ul>
    </section>
  );
}

function UploadRow({ item }: { readonly item: UploadItem }) {
  const i18n = useI18n();
  const { m, f } = i18n;
  const { name, state } = item;
  const percent = (item.sentBytes / item.size) * 100;
  const named = (text: string) => fill(text, { name });
  const button = (label: string, spoken: string, onClick: () => void) => (
    <button type="button" className="text-button" aria-label={named(spoken)} onClick={onClick}>
      {label}
    </button>
  );
  return (
    <li className={`upload upload-${state}`}>
      <div className="upload-line">
        <span className="upload-name" title={name}>
          {name}
        </span>
        <span className="upload-buttons">
          {['queued', 'sending', 'waiting'].includes(state)
            ? button(m.upload.pause, m.upload.pauseNamed, () => uploads.pause(item.key))
            : null}
          {state === 'paused' ? button(m.upload.resume, m.upload.resumeNamed, () => uploads.resume(item.key)) : null}
          {state === 'failed' || state === 'waiting'
            ? button(m.upload.retry, m.upload.retryNamed, () => uploads.resume(item.key))
            : null}
          {state === 'unfinished' || state === 'expired' ? <ChooseAgain item={item} /> : null}
          {state === 'done' && item.job !== undefined ? (
            <Link className="text-button" to={`/jobs/${item.job.metadata.uid}`} aria-label={named(m.upload.openNamed)}>
              {m.upload.open}
            </Link>
          ) : null}
          {['queued', 'sending', 'waiting', 'paused'].includes(state)
            ? button(m.upload.cancel, m.upload.cancelNamed, () => uploads.remove(item.key))
            : null}
          {state === 'unfinished' || state === 'expired'
            ? button(m.upload.forget, m.upload.forgetNamed, () => uploads.remove(item.key))
            : null}
          {state === 'failed' || state === 'done'
            ? button(m.upload.remove, m.upload.removeNamed, () => uploads.remove(item.key))
            : null}
        </span>
      </div>
      {state === 'done' || state === 'failed' || state === 'expired' ? null : (
        <ProgressBar
          percent={percent}
          label={named(m.upload.progressNamed)}
          tone={state === 'sending' || state === 'starting' ? 'accent' : 'quiet'}
        />
      )}
      <p className="upload-facts">{factsOf(item, i18n)}</p>
      {item.error === undefined ? null : (
        <p className="upload-error" role={state === 'failed' ? 'alert' : undefined}>
          <strong>{m.problem[item.error.code].what}</strong> {m.problem[item.error.code].next}
          {item.error.status === 0 ? null : <span className="upload-detail">{item.error.message}</span>}
        </p>
      )}
      <span className="visually-hidden">{state === 'sending' ? '' : f.percent(percent)}</span>
    </li>
  );
}

/** What stands beneath a name: while it is sent percentage, speed and what is left; otherwise how it stands. */
function factsOf(item: UploadItem, { m, f }: I18n): string {
  const percent = f.percent((item.sentBytes / item.size) * 100);
  const amount = fill(m.upload.of, { sent: f.bytes(item.sentBytes), size: f.bytes(item.size) });
  switch (item.state) {
    case 'queued':
      return [m.upload.queued, f.bytes(item.size)].join(' · ');
    case 'sending': {
      const speed = item.bytesPerSecond;
      if (speed === undefined || speed === 0) return [percent, amount].join(' · ');
      const leftMs = ((item.size - item.sentBytes) / speed) * 1000;
      return [
        percent,
        amount,
        fill(m.upload.speed, { speed: f.bytes(speed) }),
        leftMs < 2_000 ? m.jobs.etaSoon : fill(m.jobs.etaLeft, { time: f.span(leftMs) }),
      ].join(' · ');
    }
    case 'paused':
      return [fill(m.upload.paused, { percent }), amount].join(' · ');
    case 'waiting':
      return [m.upload.waiting, amount].join(' · ');
    case 'starting':
      return m.upload.starting;
    case 'done':
      return [m.upload.done, f.bytes(item.size)].join(' · ');
    case 'unfinished':
      return fill(m.upload.unfinished, { percent });
    case 'expired':
      return m.upload.expired;
    case 'failed':
      return [m.upload.failed, f.bytes(item.size)].join(' · ');
  }
}

/** The page may not open a file by itself after it was closed: the person chooses it once more. */
function ChooseAgain({ item }: { readonly item: UploadItem }) {
  const { m, f } = useI18n();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        className="text-button"
        aria-label={fill(m.upload.chooseAgainNamed, { name: item.name })}
        onClick={() => input.current?.click()}
      >
        {m.upload.chooseAgain}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        tabIndex={-1}
        aria-hidden="true"
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = '';
          if (file === undefined) return;
          if (fileKey(file) === item.key) {
            refusals.set([]);
            uploads.add([file], preferences.get().options);
          } else {
            refusals.set([fill(m.upload.otherFile, { name: item.name, size: f.bytes(item.size) })]);
          }
        }}
      />
    </>
  );
}

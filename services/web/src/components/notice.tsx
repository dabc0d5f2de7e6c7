import type { ReactNode } from 'react';
import { ApiError } from '../api/problem.ts';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';

interface NoticeProps {
  readonly tone: 'plain' | 'warning' | 'danger';
  readonly what: string;
  readonly next?: string | undefined;
  readonly children?: ReactNode;
  /** Said at once to people who do not see the screen. */
  readonly urgent?: boolean;
}

/** What is the matter and what to do next, in a line each. */
export function Notice({ tone, what, next, children, urgent = false }: NoticeProps) {
  return (
    <div className={`notice notice-${tone}`} role={urgent ? 'alert' : undefined}>
      <p>
        <strong>{what}</strong> {next}
      </p>
      {children}
    </div>
  );
}

interface ErrorNoticeProps {
  readonly error: unknown;
  readonly onRetry?: (() => void) | undefined;
}

/** An error of the API in the reader's language; the server's own words under "Details". */
export function ErrorNotice({ error, onRetry }: ErrorNoticeProps) {
  const { m } = useI18n();
  const code = error instanceof ApiError ? error.code : 'unknown';
  const advice = m.problem[code];
  const detail = error instanceof Error ? error.message : String(error);
  const requestId = error instanceof ApiError ? error.requestId : undefined;
  return (
    <Notice tone="danger" what={advice.what} next={advice.next} urgent>
      {onRetry === undefined ? null : (
        <button type="button" className="button" onClick={onRetry}>
          {m.app.tryAgain}
        </button>
      )}
      {code === 'unreachable' ? null : (
        <details className="notice-details">
          <summary>{m.app.details}</summary>
          <p className="mono">{detail}</p>
          {requestId === undefined ? null : <p className="mono">{fill(m.app.requestId, { id: requestId })}</p>}
        </details>
      )}
    </Notice>
  );
}

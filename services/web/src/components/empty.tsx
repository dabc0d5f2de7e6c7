import type { ReactNode } from 'react';

interface EmptyProps {
  readonly what: string;
  readonly next?: string;
  readonly children?: ReactNode;
}

/** A place where nothing is yet, and what brings something there. */
export function Empty({ what, next, children }: EmptyProps) {
  return (
    <div className="empty">
      <p className="empty-what">{what}</p>
      {next === undefined ? null : <p>{next}</p>}
      {children}
    </div>
  );
}

/** Lines where text is going to be; said as "loading" to those who do not see them. */
export function Loading({ label, lines = 3 }: { readonly label: string; readonly lines?: number }) {
  return (
    <div className="loading" role="status" aria-label={label}>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike
        <div key={line} className="loading-line" />
      ))}
    </div>
  );
}

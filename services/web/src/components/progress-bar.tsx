interface ProgressBarProps {
  /** 0 to 100 */
  readonly percent: number;
  readonly label: string;
  readonly tone?: 'accent' | 'quiet';
}

/** A thin bar with its true percentage. */
export function ProgressBar({ percent, label, tone = 'accent' }: ProgressBarProps) {
  const value = Math.min(100, Math.max(0, percent));
  return (
    <div
      className={`bar bar-${tone}`}
      role="progressbar"
      aria-label={label}
      aria-valuenow={Math.floor(value)}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <div className="bar-fill" style={{ transform: `scaleX(${value / 100})` }} />
    </div>
  );
}

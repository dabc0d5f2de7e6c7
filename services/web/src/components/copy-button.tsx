import { useEffect, useState } from 'react';
import { useI18n } from '../i18n/i18n.tsx';
import { announce } from './announcer.tsx';
import { Icon } from './icon.tsx';

interface CopyButtonProps {
  readonly label: string;
  readonly text: () => string;
  /** With an icon, which stands alone on a narrow screen. */
  readonly icon?: boolean;
}

/** Copies a text and says so. */
export function CopyButton({ label, text, icon = false }: CopyButtonProps) {
  const { m } = useI18n();
  const [answer, setAnswer] = useState<string>();
  useEffect(() => {
    if (answer === undefined) return;
    const timer = setTimeout(() => setAnswer(undefined), 2_000);
    return () => clearTimeout(timer);
  }, [answer]);
  const copy = async () => {
    const said = await navigator.clipboard.writeText(text()).then(
      () => m.job.copied,
      () => m.job.copyFailed,
    );
    setAnswer(said);
    announce(said);
  };
  return (
    <button type="button" className="button" onClick={() => void copy()}>
      {icon ? <Icon name="copy" /> : null}
      <span className={icon ? 'when-wide' : undefined}>{answer ?? label}</span>
    </button>
  );
}

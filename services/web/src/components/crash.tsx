import { useRouteError } from 'react-router';
import { useI18n } from '../i18n/i18n.tsx';

/** In place of a screen that broke. Uploads go on meanwhile. */
export function Crash() {
  const { m } = useI18n();
  const error = useRouteError();
  return (
    <div className="screen screen-narrow">
      <h1>{m.app.crashed}</h1>
      <p>{m.app.crashedNext}</p>
      <button type="button" className="button button-primary" onClick={() => location.reload()}>
        {m.app.reload}
      </button>
      <pre className="mono crash-text">{error instanceof Error ? (error.stack ?? error.message) : String(error)}</pre>
    </div>
  );
}

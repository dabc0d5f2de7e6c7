import { Link } from 'react-router';
import { Empty } from '../components/empty.tsx';
import { usePageTitle } from '../components/page-title.ts';
import { useI18n } from '../i18n/i18n.tsx';

export function NotFoundScreen() {
  const { m } = useI18n();
  usePageTitle(m.app.notFound);
  return (
    <div className="screen screen-narrow">
      <h1>{m.app.notFound}</h1>
      <Empty what={m.app.notFoundNext}>
        <Link to="/">{m.app.home}</Link>
      </Empty>
    </div>
  );
}

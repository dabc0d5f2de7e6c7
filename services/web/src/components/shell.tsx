import { useEffect, useRef } from 'react';
import { NavLink, Outlet, ScrollRestoration, useLocation } from 'react-router';
import { useI18n } from '../i18n/i18n.tsx';
import { useAddFiles } from '../uploads/add-files.ts';
import { uploads } from '../uploads/page-uploads.ts';
import { uploadSummary } from '../uploads/upload-summary.ts';
import { Announcer } from './announcer.tsx';
import { Banners } from './banners.tsx';
import { DropOverlay } from './drop-overlay.tsx';
import { Icon } from './icon.tsx';
import { JobAnnouncements } from './job-announcements.tsx';
import { pageTitle } from './page-title.ts';
import { useStore } from './store.ts';
import { UploadAnnouncements } from './upload-announcements.tsx';

/** What every screen stands in: navigation, what is wrong right now, the drop target, and the voice for screen readers. */
export function Shell() {
  const { m, f } = useI18n();
  const title = useStore(pageTitle);
  const summary = uploadSummary(useStore(uploads.items));
  const addFiles = useAddFiles();
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const shownPath = useRef(pathname);

  useEffect(() => {
    const percent = summary === undefined ? '' : `${f.percent(summary.percent)} · `;
    document.title = `${percent}${title === '' ? '' : `${title} · `}MediaJob`;
  }, [title, summary, f]);

  useEffect(() => {
    if (shownPath.current === pathname) return;
    shownPath.current = pathname;
    main.current?.focus({ preventScroll: true });
  }, [pathname]);

  const running = summary !== undefined;
  useEffect(() => {
    if (!running) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [running]);

  return (
    <>
      <a className="skip" href="#content">
        {m.app.skip}
      </a>
      <header className="top">
        <div className="top-inner">
          <NavLink className="brand" to="/" end>
            <svg viewBox="0 0 20 20" aria-hidden="true">
              <path d="M2.5 8v4M6 5v10M9.5 7v6M13 8.5h5M13 12h5" />
            </svg>
            MediaJob
          </NavLink>
          <nav aria-label={m.app.nav}>
            <NavLink to="/" end>
              {m.app.upload}
            </NavLink>
            <NavLink to="/jobs">{m.app.jobs}</NavLink>
            <NavLink to="/system">{m.app.system}</NavLink>
          </nav>
          {summary === undefined || pathname === '/' ? null : (
            <NavLink className="top-uploads" to="/">
              {m.upload.uploading} {f.percent(summary.percent)}
            </NavLink>
          )}
          <NavLink
            className="top-settings icon-button"
            to="/settings"
            aria-label={m.app.settings}
            title={m.app.settings}
          >
            <Icon name="gear" />
          </NavLink>
        </div>
      </header>
      <Banners />
      <main id="content" ref={main} tabIndex={-1}>
        <Outlet />
      </main>
      <DropOverlay onFiles={addFiles} />
      <JobAnnouncements />
      <UploadAnnouncements />
      <Announcer />
      <ScrollRestoration />
    </>
  );
}

import { useEffect } from 'react';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { uploads } from '../uploads/page-uploads.ts';
import { announce } from './announcer.tsx';

/** Says when an upload of this page has ended, well or not. */
export function UploadAnnouncements() {
  const { m } = useI18n();
  useEffect(() => {
    let before = new Map(uploads.items.get().map((item) => [item.key, item.state]));
    return uploads.items.subscribe(() => {
      const items = uploads.items.get();
      for (const { key, name, state } of items) {
        if (before.get(key) === state) continue;
        if (state === 'done') announce(fill(m.upload.announceDone, { name }));
        if (state === 'failed') announce(fill(m.upload.announceFailed, { name }));
      }
      before = new Map(items.map((item) => [item.key, item.state]));
    });
  }, [m]);
  return null;
}

import { useEffect } from 'react';
import { titleOf } from '../api/job-lists.ts';
import { onJobChange } from '../api/live-updates.ts';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { announce } from './announcer.tsx';

/** Says when a job that was seen running has ended. */
export function JobAnnouncements() {
  const { m } = useI18n();
  useEffect(() => {
    const running = new Set<string>();
    return onJobChange((change) => {
      if (change.type !== 'job') return;
      const { uid } = change.job.metadata;
      const { phase } = change.job.status;
      if (phase !== 'Succeeded' && phase !== 'Failed') {
        running.add(uid);
      } else if (running.delete(uid)) {
        const text = phase === 'Succeeded' ? m.jobs.announceDone : m.jobs.announceFailed;
        announce(fill(text, { name: titleOf(change.job) }));
      }
    });
  }, [m]);
  return null;
}

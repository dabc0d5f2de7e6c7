import type { MediaJob } from '@mediajob/contract';
import { useState } from 'react';
import { useBulkAction } from '../api/queries.ts';
import type { MenuAction } from '../components/action-menu.tsx';
import { ConfirmDialog } from '../components/confirm-dialog.tsx';
import { ErrorNotice, Notice } from '../components/notice.tsx';
import { useI18n } from '../i18n/i18n.tsx';
import { actionsFor, type JobAction } from './job-facts.ts';

/** Doing things to jobs: deletion is asked about first, refusals are told. */
export function useJobActions(onDeleted?: () => void) {
  const { m, f } = useI18n();
  const bulk = useBulkAction();
  const [asking, setAsking] = useState<readonly string[]>();

  const act = (action: JobAction, ids: readonly string[]) => {
    if (ids.length === 0) return;
    if (action === 'delete') setAsking(ids);
    else bulk.mutate({ action, ids: [...ids] });
  };
  const menuFor = (job: MediaJob): readonly MenuAction[] =>
    actionsFor(job).map((action) => ({
      label: m.jobs[action],
      danger: action === 'delete',
      onSelect: () => act(action, [job.metadata.uid]),
    }));

  const refused = bulk.data?.results.filter((result) => !result.ok) ?? [];
  const feedback = (
    <>
      {bulk.error === null ? null : <ErrorNotice error={bulk.error} />}
      {refused.length === 0 ? null : (
        <Notice
          tone="warning"
          what={f.count(m.jobs.someFailed, refused.length, { detail: refused[0]?.detail ?? refused[0]?.code ?? '' })}
          urgent
        />
      )}
      {asking === undefined ? null : (
        <ConfirmDialog
          title={f.count(m.jobs.deleteTitle, asking.length)}
          text={m.jobs.deleteText}
          confirm={m.jobs.deleteConfirm}
          onConfirm={() =>
            bulk.mutate(
              { action: 'delete', ids: [...asking] },
              { onSuccess: ({ results }) => (results.every((result) => result.ok) ? onDeleted?.() : undefined) },
            )
          }
          onClose={() => setAsking(undefined)}
        />
      )}
    </>
  );
  return { act, menuFor, feedback, busy: bulk.isPending };
}

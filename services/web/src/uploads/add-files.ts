import type { SystemStatus } from '@mediajob/contract';
import { useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { queryKeys } from '../api/queries.ts';
import { Store } from '../components/store.ts';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { preferences } from '../preferences/preferences.ts';
import { uploads } from './page-uploads.ts';
import { refusalOf } from './refusal.ts';

/** Why files of the last choice were not taken, in the reader's words. */
export const refusals = new Store<readonly string[]>([]);

/** Takes files from wherever they come, refuses what cannot work, and shows the front page. */
export function useAddFiles(): (files: readonly File[]) => void {
  const { m, f } = useI18n();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  return useCallback(
    (files) => {
      const limit = client.getQueryData<SystemStatus>(queryKeys.system)?.limits.maxUploadBytes;
      const refused: string[] = [];
      const taken = files.filter((file) => {
        const refusal = refusalOf(file, limit);
        if (refusal !== undefined) {
          const values = { name: file.name, size: f.bytes(file.size), limit: f.bytes(limit ?? 0) };
          refused.push(fill(m.upload[refusal], values));
          return false;
        }
        if (uploads.isRunning(file)) {
          refused.push(fill(m.upload.already, { name: file.name }));
          return false;
        }
        return true;
      });
      refusals.set(refused);
      uploads.add(taken, preferences.get().options);
      if (pathname !== '/' && files.length > 0) void navigate('/');
    },
    [client, f, m, navigate, pathname],
  );
}

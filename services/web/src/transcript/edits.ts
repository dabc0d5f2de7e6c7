import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { request } from '../api/client.ts';
import { ApiError } from '../api/problem.ts';

interface EditSet {
  /** Undefined: the server has no corrections for this job, or knows none at all. */
  readonly etag: string | undefined;
  /** Corrected text by position of the segment. */
  readonly texts: ReadonlyMap<number, string>;
}

interface EditsBody {
  readonly edits: readonly { readonly segment: number; readonly text: string }[];
}

const NONE: ReadonlyMap<number, string> = new Map();

/** A person's corrections of a transcript, kept on the server beside it. */
export function useEdits(jobId: string, enabled: boolean) {
  const client = useQueryClient();
  const key = useMemo(() => ['edits', jobId] as const, [jobId]);
  const path = `/api/v1/jobs/${jobId}/transcript/edits`;
  const query = useQuery({
    queryKey: key,
    queryFn: async ({ signal }): Promise<EditSet> => editSetOf(await request(path, { signal })),
    enabled,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const save = useMutation({
    // One after the other: each names the version that it changes.
    scope: { id: `edits ${jobId}` },
    mutationFn: async ({ segment, text }: { readonly segment: number; readonly text: string | undefined }) => {
      const before = client.getQueryData<EditSet>(key);
      const texts = new Map(before?.texts);
      if (text === undefined) texts.delete(segment);
      else texts.set(segment, text);
      const body: EditsBody = { edits: [...texts].map(([at, corrected]) => ({ segment: at, text: corrected })) };
      const answer = await request(path, {
        method: 'PUT',
        body,
        headers: { 'if-match': before?.etag ?? '"none"' },
      });
      client.setQueryData<EditSet>(key, { etag: answer.headers.get('etag') ?? undefined, texts });
    },
  });
  return {
    texts: query.data?.texts ?? NONE,
    /** Whether the server keeps corrections. */
    possible: query.isSuccess,
    save: save.mutate,
    saving: save.isPending,
    saved: save.isSuccess,
    error: save.error,
    /** Somebody else saved in between. */
    conflict: save.error instanceof ApiError && save.error.code === 'precondition-failed',
    reload: async () => {
      save.reset();
      await client.invalidateQueries({ queryKey: key });
    },
  };
}

async function editSetOf(response: Response): Promise<EditSet> {
  const body = (await response.json()) as EditsBody;
  return {
    etag: response.headers.get('etag') ?? undefined,
    texts: new Map(body.edits.map(({ segment, text }) => [segment, text])),
  };
}

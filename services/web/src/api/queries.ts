import type {
  BulkJobs,
  BulkResult,
  CreateJobInput,
  JobList,
  MediaJob,
  Peaks,
  SystemStatus,
  Transcript,
  UploadStatus,
} from '@mediajob/contract';
import { QueryClient, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { request, requestJson } from './client.ts';
import type { JobFilter } from './job-lists.ts';
import { ApiError } from './problem.ts';

export const queryKeys = {
  jobs: ['jobs'] as const,
  jobList: (filter: JobFilter) => ['jobs', filter] as const,
  job: (id: string) => ['job', id] as const,
  system: ['system'] as const,
};

/** Temporary errors are tried again twice by themselves; what cannot mend itself is shown at once. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        retry: (count, error) => count < 2 && error instanceof ApiError && error.temporary,
        // The browser's own idea of "online" is wrong on intranets and loopback.
        networkMode: 'always',
      },
      mutations: { networkMode: 'always' },
    },
  });
}

const PAGE = 50;

function jobListPath(filter: JobFilter, cursor: string | undefined): string {
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (filter.view === 'active') query.set('active', 'true');
  if (filter.view === 'succeeded') query.set('phase', 'Succeeded');
  if (filter.view === 'failed') query.set('phase', 'Failed');
  if (filter.search.trim() !== '') query.set('search', filter.search.trim());
  if (cursor !== undefined) query.set('cursor', cursor);
  return `/api/v1/jobs?${query}`;
}

export function useJobList(filter: JobFilter) {
  return useInfiniteQuery({
    queryKey: queryKeys.jobList(filter),
    queryFn: ({ pageParam, signal }) => requestJson<JobList>(jobListPath(filter, pageParam), { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    // While the words of a search change, the last list stays.
    placeholderData: (previous) => previous,
  });
}

export function useJob(id: string) {
  return useQuery({
    queryKey: queryKeys.job(id),
    queryFn: ({ signal }) => requestJson<MediaJob>(`/api/v1/jobs/${id}`, { signal }),
  });
}

export function useSystem() {
  return useQuery({
    queryKey: queryKeys.system,
    queryFn: ({ signal }) => requestJson<SystemStatus>('/api/v1/system', { signal }),
    refetchInterval: 15_000,
  });
}

/** The transcript of a job that has one; `version` changes when it is made anew. */
export function useTranscript(id: string, version: string | undefined) {
  return useQuery({
    queryKey: ['transcript', id, version],
    queryFn: ({ signal }) => requestJson<Transcript>(`/api/v1/jobs/${id}/transcript`, { signal }),
    enabled: version !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function usePeaks(id: string, enabled: boolean) {
  return useQuery({
    queryKey: ['peaks', id],
    queryFn: ({ signal }) => requestJson<Peaks>(`/api/v1/jobs/${id}/peaks`, { signal }),
    enabled,
    staleTime: Number.POSITIVE_INFINITY,
    // A waveform is a comfort: without one the player still works, and nobody is told.
    retry: false,
  });
}

/** Does the same to many jobs; what failed is told a job. */
export function useBulkAction() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: BulkJobs) => requestJson<BulkResult>('/api/v1/jobs/bulk', { method: 'POST', body }),
    onSettled: async (_result, _error, { ids }) => {
      await Promise.all([
        client.invalidateQueries({ queryKey: queryKeys.jobs }),
        ...ids.map((id) => client.invalidateQueries({ queryKey: queryKeys.job(id) })),
      ]);
    },
  });
}

/** Creates a job; sent again with the same upload it answers the job that exists. */
export function createJob(body: CreateJobInput): Promise<MediaJob> {
  return requestJson<MediaJob>('/api/v1/jobs', { method: 'POST', body });
}

/** What the server has of an upload; undefined when it no longer has it. */
export async function uploadStatus(id: string): Promise<UploadStatus | undefined> {
  try {
    return await requestJson<UploadStatus>(`/api/v1/uploads/${id}/info`);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** Gives up an upload and what has arrived of it. That it is gone already is as good. */
export async function discardUpload(id: string): Promise<void> {
  try {
    await request(`/api/v1/uploads/${id}`, { method: 'DELETE', headers: { 'tus-resumable': '1.0.0' } });
  } catch (error) {
    if (error instanceof ApiError && error.status > 0 && error.status < 500) return;
    throw error;
  }
}

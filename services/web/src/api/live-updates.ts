import type { MediaJob, ServerEvent } from '@mediajob/contract';
import type { QueryClient } from '@tanstack/react-query';
import { Store } from '../components/store.ts';
import { applyChanges, type JobChange, type JobFilter, type JobPages } from './job-lists.ts';
import { queryKeys } from './queries.ts';

/** `lost`: the connection broke and is being tried again; what is on the screen may be old. */
export type Connection = 'connecting' | 'open' | 'lost';
export const connection = new Store<Connection>('connecting');

type Listener = (change: JobChange) => void;
const listeners = new Set<Listener>();
/** Tells of every change of a job, before it is drawn. Returns how to stop. */
export function onJobChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const EVENT_NAMES = ['message', 'reset', 'job', 'job-deleted', 'upload-deleted', 'system'] as const;
const REOPEN_MS = 3_000;
/** A hidden page gives its connection back: browsers allow six of them to one server for all tabs together. */
const HIDDEN_MS = 60_000;

/**
 * Keeps the caches of the page as the server's events say, at most once a frame, and reopens what breaks.
 * Returns how to stop.
 */
export function startLiveUpdates(client: QueryClient): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  let frame: number | undefined;
  let seenBefore = false;
  let fresh = false;
  let hasId = false;
  let pending = new Map<string, JobChange>();

  const flush = () => {
    frame = undefined;
    const changes = [...pending.values()];
    pending = new Map();
    applyToCaches(client, changes);
  };
  const reload = () => {
    pending = new Map();
    void client.invalidateQueries();
  };
  const take = (event: MessageEvent<string>) => {
    hasId ||= event.lastEventId !== '';
    const message = JSON.parse(event.data) as ServerEvent;
    if (message.type === 'reset') reload();
    if (message.type === 'system') void client.invalidateQueries({ queryKey: queryKeys.system });
    if (message.type !== 'job' && message.type !== 'job-deleted') return;
    for (const listener of listeners) listener(message);
    pending.set(message.type === 'job' ? message.job.metadata.uid : message.id, message);
    frame ??= requestAnimationFrame(flush);
  };
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const open = () => {
    close();
    fresh = true;
    hasId = false;
    source = new EventSource('/api/v1/events');
    for (const name of EVENT_NAMES) source.addEventListener(name, take);
    source.addEventListener('open', () => {
      connection.set('open');
      // A browser that opens it again sends the last id, and the server tells what was missed. Without an id,
      // or with a new EventSource, which has forgotten it, what happened in between is asked for.
      if (seenBefore && (fresh || !hasId)) reload();
      fresh = false;
      seenBefore = true;
    });
    source.addEventListener('error', () => {
      connection.set('lost');
      // The browser tries again by itself after a cut, not after an answer such as 503.
      if (source?.readyState === EventSource.CLOSED) timer = setTimeout(open, REOPEN_MS);
    });
  };
  const onVisibility = () => {
    clearTimeout(hiddenTimer);
    if (document.hidden) hiddenTimer = setTimeout(close, HIDDEN_MS);
    else if (source === undefined) open();
  };
  const onOnline = () => open();

  open();
  document.addEventListener('visibilitychange', onVisibility);
  window.addEventListener('online', onOnline);
  return () => {
    close();
    clearTimeout(hiddenTimer);
    if (frame !== undefined) cancelAnimationFrame(frame);
    document.removeEventListener('visibilitychange', onVisibility);
    window.removeEventListener('online', onOnline);
  };
}

function applyToCaches(client: QueryClient, changes: readonly JobChange[]): void {
  for (const [key, list] of client.getQueriesData<JobPages>({ queryKey: queryKeys.jobs })) {
    if (list !== undefined) client.setQueryData(key, applyChanges(list, changes, key[1] as JobFilter));
  }
  for (const change of changes) {
    if (change.type === 'job') client.setQueryData<MediaJob>(queryKeys.job(change.job.metadata.uid), change.job);
    else void client.invalidateQueries({ queryKey: queryKeys.job(change.id) });
  }
}

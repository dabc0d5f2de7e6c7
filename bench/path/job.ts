import type { MediaJob, ServerEvent } from '@mediajob/contract';
import { hasEnded, type System } from '../../test/system/services.ts';

export const PARTS = [
  'upload',
  'create (probe, models, record)',
  'until it is converted',
  'convert',
  'hand over to the transcriber',
  'transcribe and finalize',
  'until the client knows',
] as const;
export type Took = Record<(typeof PARTS)[number], number>;

/** Runs a file through everything, told of its end by the event stream as the page is; seconds by part. */
export async function runJob(system: System, file: string): Promise<Took> {
  const ended = new AbortController();
  const events = await fetch(`${system.url}/api/v1/events`, { signal: ended.signal });
  try {
    const started = Date.now();
    const upload = await system.client.upload(file, () => {}, AbortSignal.timeout(600_000));
    const uploaded = Date.now();
    const { metadata } = await system.client.createJob({
      metadata: {},
      spec: { source: { path: `uploads/${upload}/source` }, transcribe: { language: 'en' } },
    } as Parameters<System['client']['createJob']>[0]);
    const created = Date.now();
    const job = await untilEnded(events, metadata.uid);
    const known = Date.now();
    if (job.status.phase !== 'Succeeded') throw new Error(job.status.message);
    const at = (stage: string, which: 'startedAt' | 'finishedAt'): number =>
      Date.parse(job.status.stages.find((it) => it.name === stage)?.[which] ?? '');
    const seconds = [
      uploaded - started,
      created - uploaded,
      at('convert', 'startedAt') - created,
      at('convert', 'finishedAt') - at('convert', 'startedAt'),
      at('transcribe', 'startedAt') - at('convert', 'finishedAt'),
      at('transcribe', 'finishedAt') - at('transcribe', 'startedAt'),
      known - at('transcribe', 'finishedAt'),
    ].map((ms) => ms / 1000);
    return Object.fromEntries(PARTS.map((part, i) => [part, seconds[i]])) as Took;
  } finally {
    ended.abort();
  }
}

async function untilEnded(events: Response, id: string): Promise<MediaJob> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of events.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(piece, { stream: true });
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data: ')) continue;
      const event = JSON.parse(line.slice('data: '.length)) as ServerEvent;
      if (event.type === 'job' && event.job.metadata.uid === id && hasEnded(event.job)) return event.job;
    }
  }
  throw new Error('the event stream ended before the job');
}

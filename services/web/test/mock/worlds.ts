import { aFailedJob, aJob, aRunningJob, aWaitingJob } from './jobs.ts';
import type { MockServer } from './mock-server.ts';
import { conversation, jfk } from './transcripts.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Ids of the jobs that tests and screenshots open. */
export interface World {
  readonly done: string;
  readonly long: string;
  readonly running: string;
  readonly waiting: string;
  readonly failed: string;
}

/** A server as it looks after some days of use, with something of everything. */
export function populate(server: MockServer): World {
  const add = (job: ReturnType<typeof aJob>, transcript?: Parameters<MockServer['addJob']>[1]) =>
    server.addJob(job, transcript).metadata.uid;
  const waiting = add(aWaitingJob('Планёрка 23 ноября.m4a', 'WaitingForWorker'));
  const running = add(aRunningJob('Лекция 7. Теория вероятностей.mp4', 58, 204));
  const done = add(aJob({ title: 'inaugural-address.mp3', ageMs: 14 * 60_000 }), jfk());
  const failed = add(aFailedJob('scan-0042.mp3'));
  const talk = conversation('ru', 900);
  add(
    aJob({
      title:
        'Интервью с очень длинным названием, которое никак не помещается в строку таблицы, дубль 3 (исправленный).wav',
      ageMs: 3 * HOUR,
      status: { language: 'ru', media: mediaOf(talk.durationMs) },
    }),
    talk,
  );
  const book = conversation('en', 100_000);
  const long = add(
    aJob({
      title: 'Board hearing, complete.mkv',
      ageMs: 2 * DAY,
      spec: { transcribe: { model: 'base', language: 'en' }, convert: { renditions: [{ format: 'mp3' }] } },
      status: {
        media: mediaOf(book.durationMs),
        outputs: [
          { name: 'transcript.json', format: 'json', bytes: 14_200_000 },
          { name: 'transcript.srt', format: 'srt', bytes: 1_420_000 },
          { name: 'transcript.txt', format: 'txt', bytes: 560_000 },
          { name: 'media.mp3', format: 'mp3', bytes: 412_000_000 },
        ],
      },
    }),
    book,
  );
  for (let at = 0; at < 120; at += 1) {
    add(aJob({ title: `archive-${String(at).padStart(3, '0')}.ogg`, ageMs: 9 * DAY + at * HOUR }), jfk());
  }
  return { done, long, running, waiting, failed };
}

function mediaOf(durationMs: number) {
  return {
    durationMs,
    container: 'matroska,webm',
    audioCodec: 'aac',
    sampleRate: 48_000,
    channels: 2,
    audioTracks: 2,
    video: false,
    bytes: 1_840_000_000,
  };
}

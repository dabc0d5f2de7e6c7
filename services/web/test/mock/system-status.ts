import { type ModelStatus, SystemStatus } from '@mediajob/contract';

export type Health =
  | 'well'
  | 'converter-down'
  | 'workers-down'
  | 'disk-full'
  | 'no-model'
  | 'old-ffmpeg'
  | 'cluster-down';

const OLD_FFMPEG =
  'ffmpeg: This ffmpeg may lack the fix of CVE-2026-8461. Update it to 8.1.2, 8.0.3, 7.1.5, 6.1.6 or 5.1.10.';

const CLUSTER_DOWN = {
  namespace: 'media',
  state: 'down',
  since: '2026-11-25T10:00:00Z',
  detail: 'Its API server cannot be reached. It is tried again by itself.',
  queued: 2,
};

function model(name: string, bytes: number, description: string, installed: boolean): ModelStatus {
  return {
    name,
    description,
    languages: name.endsWith('.en') ? 1 : name.startsWith('large') ? 100 : 99,
    translates: !name.endsWith('.en') && name !== 'large-v3-turbo',
    installed,
    bytes,
    downloadable: true,
    default: name === 'base',
  };
}

export function systemStatus(health: Health): SystemStatus {
  const converterDown = health === 'converter-down' || health === 'workers-down';
  const transcriberDown = health === 'workers-down';
  const full = health === 'disk-full';
  return SystemStatus.parse({
    version: '0.1.0',
    runtime: health === 'cluster-down' ? 'kubernetes' : 'local',
    startedAt: new Date(Date.now() - 26 * 3_600_000).toISOString(),
    health: health === 'well' ? 'up' : 'degraded',
    services: [
      {
        name: 'main',
        address: 'http://127.0.0.1:8000',
        state: full ? 'degraded' : 'up',
        instance: 'main-1',
        version: '0.1.0',
        ...(full ? { detail: 'No space for new uploads.' } : {}),
      },
      {
        name: 'converter',
        address: 'http://127.0.0.1:8002',
        state: converterDown ? 'down' : health === 'old-ffmpeg' ? 'degraded' : 'up',
        ...(converterDown
          ? { detail: 'connect ECONNREFUSED' }
          : { version: '0.1.0', running: 1, queued: 0, capacity: 2 }),
        ...(health === 'old-ffmpeg' ? { detail: OLD_FFMPEG } : {}),
      },
      {
        name: 'transcriber',
        address: 'http://127.0.0.1:8001',
        state: transcriberDown ? 'down' : 'up',
        ...(transcriberDown ? {} : { version: '0.1.0', running: 1, queued: 3, capacity: 1 }),
      },
    ],
    storage: {
      totalBytes: 512e9,
      freeBytes: full ? 0.4e9 : 183e9,
      reserveBytes: 1_073_741_824,
      state: full ? 'full' : 'ok',
    },
    ...(health === 'cluster-down' ? { cluster: CLUSTER_DOWN } : {}),
    jobs: {
      Pending: 0,
      Queued: 3,
      Fetching: 0,
      Converting: 0,
      Transcribing: 1,
      Finalizing: 0,
      Succeeded: 128,
      Failed: 2,
      Cancelled: 0,
      Suspended: 0,
    },
    models: [
      model('tiny', 44e6, 'Fast drafts', health !== 'no-model'),
      model('base', 82e6, 'Good for clear speech', health !== 'no-model'),
      model('small.en', 264e6, 'Careful English', false),
      model('large-v3-turbo', 874e6, 'Best, and still quick', false),
    ],
    limits: { maxUploadBytes: 21_474_836_480, maxDurationMs: 86_400_000, defaultModel: 'base' },
  });
}

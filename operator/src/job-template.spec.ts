import { Annotation, type PodProfile, type RunKey, readMediaJob, type StepRequest } from '@mediajob/contract';
import type { Job } from '@mediajob/kube';
import { NO_TALLY, type Tally } from '@mediajob/pipeline';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { aMediaJob, UID } from '../test/builders.js';
import type { JobConfig } from './job-config.js';
import { type JobInput, jobTemplate } from './job-template.js';
import { JobAnnotation, Label } from './labels.js';
import { parseProfiles, profilesOf } from './profiles.js';

const CONFIG: JobConfig = {
  converterImage: 'mediajob/converter:1',
  transcriberImage: 'mediajob/transcriber:1',
  imagePullPolicy: 'IfNotPresent',
  imagePullSecrets: [],
  mediaClaim: 'media',
  modelsClaim: 'models',
  serviceAccount: 'mediajob-run',
  logLevel: 'info',
  reserveBytes: 1_073_741_824,
  ttlSeconds: 3600,
  progress: {
    url: 'https://mediajob-operator.mediajob-system.svc:8443',
    audience: 'mediajob.io/progress',
    authorities: () => '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n',
  },
};

const PROFILES = profilesOf(
  parseProfiles(`
profiles:
  gpu:
    transcribe:
      image: mediajob/transcriber:1-cuda
      resources:
        requests: {cpu: "2", memory: 8Gi}
        limits: {memory: 8Gi, nvidia.com/gpu: "1"}
      maxMemory: 24Gi
      nodeSelector: {accelerator: nvidia-l4}
      tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
      runtimeClassName: nvidia
      terminationGracePeriodSeconds: 15
      env: [{name: MEDIAJOB_STATES, value: "4"}, {name: MEDIAJOB_REQUEST, value: never}]
      volumes: [{name: shm, mountPath: /dev/shm, medium: Memory, sizeLimit: 1Gi}]
  dra:
    transcribe:
      resources: {claims: [{name: gpu}]}
      resourceClaims: [{name: gpu, resourceClaimTemplateName: one-gpu}]
`),
);

const common = { jobId: UID, runId: `${UID}-x-0-1-1` };
const SOURCE = 'uploads/01J00000000000000000000000/source';
const REQUESTS: Record<RunKey['stage'], StepRequest> = {
  convert: {
    stage: 'convert',
    ...common,
    source: SOURCE,
    audioTrack: 0,
    transcript: true,
    plan: { targetMs: 300_000, windowMs: 30_000 },
    maxDurationMs: 86_400_000,
  },
  transcribe: {
    stage: 'transcribe',
    ...common,
    shard: 0,
    chunks: { from: 0, to: 6 },
    model: 'base',
    language: 'auto',
    task: 'transcribe',
    quality: 'balanced',
  },
  finalize: {
    stage: 'finalize',
    ...common,
    model: 'base',
    language: 'auto',
    task: 'transcribe',
    quality: 'balanced',
    options: { formats: ['json', 'srt'], subtitles: { maxCharsPerLine: 42, maxLines: 2 } },
  },
  render: {
    stage: 'render',
    ...common,
    source: SOURCE,
    audioTrack: 0,
    renditions: [{ format: 'mp3' }],
    maxDurationMs: 86_400_000,
  },
  cleanup: { stage: 'cleanup', ...common },
};

interface Wish {
  profile?: string;
  mediaJob?: ReturnType<typeof aMediaJob>;
  tally?: Partial<Tally>;
  config?: Partial<JobConfig>;
  indexed?: JobInput['indexed'];
  leftMs?: number;
  key?: Partial<RunKey>;
}

function make(stage: RunKey['stage'], wish: Wish = {}) {
  const { profile = 'default', mediaJob = aMediaJob(), tally, config, indexed, leftMs, key } = wish;
  const object = mediaJob.build();
  return jobTemplate({
    job: readMediaJob(object).job,
    object,
    key: { stage, shard: 0, attempt: 1, try: 1, ...key },
    request: REQUESTS[stage],
    tally: { ...NO_TALLY, ...tally },
    profile: PROFILES.pod(profile, stage) as PodProfile,
    config: { ...CONFIG, ...config },
    ...(indexed !== undefined && { indexed }),
    ...(leftMs !== undefined && { leftMs }),
  });
}

const pod = (draft: ReturnType<typeof make>) => draft.spec.template.spec;
const main = (draft: ReturnType<typeof make>) => pod(draft).containers[0];
const env = (draft: ReturnType<typeof make>) =>
  Object.fromEntries(main(draft)?.env?.map(({ name, value }) => [name, value]) ?? []);

const queued = () => aMediaJob().withSpec({ queue: { convert: 'cpus', transcribe: 'gpus' }, priorityClass: 'urgent' });

/** Read by a person when they change: they are what a cluster gets. */
const GOLDEN: Record<string, () => ReturnType<typeof make>> = {
  'convert-cpu': () => make('convert', { leftMs: 3_600_000 }),
  'transcribe-gpu': () => make('transcribe', { profile: 'gpu' }),
  'transcribe-gpu-more-memory': () =>
    make('transcribe', {
      profile: 'gpu',
      key: { try: 3 },
      tally: { counted: 2, memoryFactor: 2.25, avoidNodes: ['gpu-1'] },
    }),
  'transcribe-sharded': () => make('transcribe', { indexed: { shards: 12, chunks: 70, parallelism: 4 } }),
  'transcribe-kueue': () => make('transcribe', { mediaJob: queued() }),
  'transcribe-dra': () => make('transcribe', { profile: 'dra' }),
  finalize: () => make('finalize'),
  render: () =>
    make('render', { config: { progress: undefined, imagePullSecrets: ['registry'] } as Partial<JobConfig> }),
  cleanup: () => make('cleanup'),
};

describe('the Job of a run', () => {
  it.each(Object.entries(GOLDEN))('is as agreed: %s', async (name, draft) => {
    await expect(stringify(draft(), { lineWidth: 0 })).toMatchFileSnapshot(`../test/golden/${name}.yaml`);
  });

  it.each(Object.keys(REQUESTS) as RunKey['stage'][])(
    '%s is confined: restricted, and nothing to talk to the API server with',
    (stage) => {
      const spec = pod(make(stage));
      expect(spec).toMatchObject({
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: { runAsNonRoot: true, runAsUser: 10_001, seccompProfile: { type: 'RuntimeDefault' } },
      });
      for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
      expect(spec).not.toHaveProperty('hostNetwork');
      const kinds = (spec.volumes ?? []).flatMap(({ name: _, ...source }) => Object.keys(source));
      expect(kinds.every((kind) => ['persistentVolumeClaim', 'emptyDir', 'projected'].includes(kind))).toBe(true);
    },
  );

  it.each(['convert', 'transcribe', 'finalize', 'render'] as const)(
    '%s reaches its own directories of the volume alone',
    (stage) => {
      const draft = make(stage);
      const media = main(draft)?.volumeMounts?.filter(({ name }) => name === 'media') ?? [];
      expect(media.every(({ subPath }) => subPath !== undefined)).toBe(true);
      expect(media.filter(({ readOnly }) => readOnly !== true).map(({ subPath }) => subPath)).toEqual([
        `jobs/${UID}`,
        `outputs/${UID}`,
      ]);
      expect(media.some(({ subPath }) => subPath === SOURCE)).toBe(stage === 'convert' || stage === 'render');
    },
  );

  it('tells prepare of a source only where it is read, so that a source which is gone later ends nothing', () => {
    const args = (stage: RunKey['stage']) => pod(make(stage)).initContainers?.[0]?.args;
    expect(args('convert')).toEqual(['--job', UID, '--source', SOURCE, '--stage', 'convert']);
    expect(args('transcribe')).toEqual(['--job', UID]);
    expect(args('cleanup')).toBeUndefined();
  });

  it('ignores disruptions before it asks for exit codes, and names no container', () => {
    for (const indexed of [undefined, { shards: 3, chunks: 6, parallelism: 2 }]) {
      const rules = make('transcribe', indexed === undefined ? {} : { indexed }).spec.podFailurePolicy?.rules ?? [];
      expect(rules[0]?.action).toBe('Ignore');
      expect(rules[1]?.onExitCodes?.values).toEqual([64, 65, 66]);
      expect(JSON.stringify(rules)).not.toContain('containerName');
    }
  });

  it('never tries again by itself', () => {
    expect(make('convert').spec).toMatchObject({ backoffLimit: 0, podReplacementPolicy: 'Failed' });
    const sharded = make('transcribe', { indexed: { shards: 3, chunks: 6, parallelism: 2 } }).spec;
    expect(sharded).toMatchObject({
      backoffLimitPerIndex: 0,
      completionMode: 'Indexed',
      podReplacementPolicy: 'Failed',
    });
    expect(sharded).not.toHaveProperty('backoffLimit');
  });

  it('carries no TTL before its outcome is recorded, but a cleanup, which nobody records', () => {
    expect(make('convert').spec).not.toHaveProperty('ttlSecondsAfterFinished');
    expect(make('cleanup').spec.ttlSecondsAfterFinished).toBe(3600);
    expect(make('cleanup').metadata).not.toHaveProperty('ownerReferences');
    expect(make('convert').metadata.ownerReferences).toEqual([
      { apiVersion: 'mediajob.io/v1alpha1', kind: 'MediaJob', name: 'talk', uid: UID, controller: true },
    ]);
  });

  it('has no label that is not about its run', () => {
    expect(Object.keys(pod(make('convert')) && (make('convert').spec.template.metadata?.labels ?? {})).sort()).toEqual(
      Object.values(Label).sort(),
    );
  });

  it('takes settings of the profile, but none that is ours', () => {
    expect(env(make('transcribe', { profile: 'gpu' })).MEDIAJOB_STATES).toBe('4');
    expect(env(make('transcribe', { profile: 'gpu' })).MEDIAJOB_REQUEST).toBe(JSON.stringify(REQUESTS.transcribe));
  });

  it('says what people wrote to the letter: Kubernetes puts no variable into it', () => {
    const path = 'inbox/$(MEDIAJOB_DATA_DIR) $$ 5$.mp3';
    const mediaJob = aMediaJob().withSpec({ source: { path } });
    const draft = make('convert', { mediaJob });
    // As Kubernetes reads it: $$ is a dollar.
    const read = (text: string | undefined) => text?.replaceAll('$$', '$$');
    expect(pod(draft).initContainers?.[0]?.args?.at(3)).toBe('inbox/$$(MEDIAJOB_DATA_DIR) $$$$ 5$$.mp3');
    expect(read(pod(draft).initContainers?.[0]?.args?.at(3))).toBe(path);
    expect(main(draft)?.volumeMounts?.some(({ subPath }) => subPath === path)).toBe(true);
  });

  it('gives each pod of an Indexed Job what it makes its own part of', () => {
    expect(env(make('transcribe', { indexed: { shards: 12, chunks: 70, parallelism: 4 } }))).toMatchObject({
      MEDIAJOB_SHARDS: '12',
      MEDIAJOB_CHUNKS: '70',
    });
    expect(env(make('transcribe'))).not.toHaveProperty('MEDIAJOB_SHARDS');
  });

  it('passes a trace on, and nothing that only looks like one', () => {
    const traced = (value: string) =>
      env(make('convert', { mediaJob: aMediaJob().withAnnotation(Annotation.traceparent, value) }));
    const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    expect(traced(trace).TRACEPARENT).toBe(trace);
    expect(traced('$(rm -rf /)')).not.toHaveProperty('TRACEPARENT');
  });

  it('leaves the deadline to decide(), and ends itself a minute after it', () => {
    expect(make('convert', { leftMs: 90_000 }).spec.activeDeadlineSeconds).toBe(150);
    expect(make('convert').spec).not.toHaveProperty('activeDeadlineSeconds');
  });
});

describe('Kueue', () => {
  const labels = (stage: RunKey['stage'], mediaJob: ReturnType<typeof aMediaJob>) =>
    Object.fromEntries(
      Object.entries(make(stage, { mediaJob }).metadata.labels ?? {}).filter(([key]) => key.includes('kueue')),
    );

  it('gets the queue of the stage, and a priority as its own', () => {
    expect(labels('convert', queued())).toEqual({
      'kueue.x-k8s.io/queue-name': 'cpus',
      'kueue.x-k8s.io/priority-class': 'urgent',
    });
    expect(labels('render', queued())['kueue.x-k8s.io/queue-name']).toBe('cpus');
    expect(labels('finalize', queued())['kueue.x-k8s.io/queue-name']).toBe('gpus');
    expect(pod(make('transcribe', { mediaJob: queued() }))).not.toHaveProperty('priorityClassName');
  });

  it('never holds up a cleanup', () => expect(labels('cleanup', queued())).toEqual({}));

  it('gets the labels that it knows from the MediaJob, and no other', () => {
    const mediaJob = aMediaJob().with({
      labels: {
        'kueue.x-k8s.io/queue-name': 'all',
        'kueue.x-k8s.io/max-exec-time-seconds': '60',
        'kueue.x-k8s.io/managed': 'x',
        app: 'mine',
      },
      annotations: { 'kueue.x-k8s.io/podset-required-topology': 'rack', 'other/annotation': 'x' },
    });
    expect(labels('convert', mediaJob)).toEqual({
      'kueue.x-k8s.io/queue-name': 'all',
      'kueue.x-k8s.io/max-exec-time-seconds': '60',
    });
    expect(make('convert', { mediaJob }).spec.template.metadata?.annotations).toEqual({
      'kueue.x-k8s.io/podset-required-topology': 'rack',
    });
    expect(make('convert', { mediaJob }).metadata.labels).not.toHaveProperty('app');
  });

  it('without a queue, priority is the pod’s, and nothing is copied', () => {
    const mediaJob = aMediaJob()
      .withSpec({ priorityClass: 'urgent' })
      .with({ labels: { 'kueue.x-k8s.io/max-exec-time-seconds': '60' } });
    expect(pod(make('convert', { mediaJob })).priorityClassName).toBe('urgent');
    expect(labels('convert', mediaJob)).toEqual({});
  });

  it('a priority that the cluster does not know never keeps a job from being deleted', () => {
    const mediaJob = aMediaJob().withSpec({ priorityClass: 'nobody-made-it' });
    expect(pod(make('cleanup', { mediaJob }))).not.toHaveProperty('priorityClassName');
  });
});

describe('the hash of a template', () => {
  const hash = (draft: { metadata: Partial<Job['metadata']> }) =>
    draft.metadata.annotations?.[JobAnnotation.templateHash];

  it('is the same for the same pod, and stays so when the receiver has new authorities', () => {
    const renewed = { progress: { ...CONFIG.progress, authorities: () => 'others' } } as Partial<JobConfig>;
    expect(hash(make('convert'))).toBe(hash(make('convert', { config: renewed })));
  });

  it('is another one for another image, profile or memory', () => {
    const hashes = [
      make('transcribe'),
      make('transcribe', { config: { transcriberImage: 'mediajob/transcriber:2' } }),
      make('transcribe', { profile: 'gpu' }),
      make('transcribe', { tally: { memoryFactor: 1.5 } }),
    ].map(hash);
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

import type { MediaJobSpec, PodProfile, StageName, StepRequest } from '@mediajob/contract';
import type { Container, EnvVar, PodSpec, SecurityContext, Volume, VolumeMount } from '@mediajob/kube';
import type { JobConfig } from './job-config.js';
import { affinityOf, resourcesOf } from './pod-resources.js';

/** Where things are in the pod; DESIGN "The volume" says what is in them. */
const DATA = '/data';
const MODELS = '/models';
const TMP = '/tmp';
const TOKEN_DIRECTORY = '/var/run/secrets/mediajob.io';
const TERMINATION_LOG = '/dev/termination-log';
/** Of the images' own user; files on the volume belong to it. */
const UID = 10_001;
const TOKEN_SECONDS = 3600;

/** Containers of a pod, by whose end its outcome is told. */
export const MAIN_CONTAINER = 'run';
export const PREPARE_CONTAINER = 'prepare';

export interface PodInput {
  readonly spec: Pick<MediaJobSpec, 'source' | 'priorityClass'>;
  readonly request: StepRequest;
  /** Of an Indexed Job: `request` is that of shard 0, and each pod makes its own of it. */
  readonly indexed?: { readonly shards: number; readonly chunks: number };
  readonly profile: PodProfile;
  readonly memoryFactor: number;
  readonly avoidNodes: readonly string[];
  readonly config: JobConfig;
  /** With a queue, priority is Kueue's matter. */
  readonly queued: boolean;
  readonly traceparent?: string;
}

/**
 * The pod of a run. Two containers share the work by what they may reach: `prepare` mounts the whole volume, checks the
 * source, makes the job's directories and never parses media; `run` parses media and mounts nothing but the job's own
 * directories, and its source for reading. Neither can talk to the API server.
 */
export function podSpec(input: PodInput): PodSpec {
  const { request, profile, config } = input;
  const { stage } = request;
  const affinity = affinityOf(profile, input.avoidNodes);
  // Cleanup asks for none: a class that is not there, for which a job was refused, must not keep it from being deleted.
  const asked = input.queued || stage === 'cleanup' ? undefined : input.spec.priorityClass;
  const priorityClassName = asked ?? profile.priorityClassName;
  return {
    restartPolicy: 'Never',
    ...(stage !== 'cleanup' && { initContainers: [prepareContainer(input)] }),
    containers: [mainContainer(input)],
    volumes: volumes(input),
    serviceAccountName: config.serviceAccount,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: profile.terminationGracePeriodSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: UID,
      runAsGroup: UID,
      fsGroup: UID,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(config.imagePullSecrets.length > 0 && { imagePullSecrets: config.imagePullSecrets.map((name) => ({ name })) }),
    ...(profile.nodeSelector !== undefined && { nodeSelector: profile.nodeSelector }),
    ...(profile.tolerations !== undefined && { tolerations: profile.tolerations }),
    ...(affinity !== undefined && { affinity }),
    ...(profile.runtimeClassName !== undefined && { runtimeClassName: profile.runtimeClassName }),
    ...(priorityClassName !== undefined && { priorityClassName }),
    ...(profile.schedulerName !== undefined && { schedulerName: profile.schedulerName }),
    ...(profile.resourceClaims !== undefined && { resourceClaims: profile.resourceClaims }),
  };
}

/** `restricted` Pod Security, and a root that nothing can be written to. */
const CONFINED: SecurityContext = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

function prepareContainer({ spec, request, profile, config }: PodInput): Container {
  const source = readsSource(request.stage) ? spec.source.path : undefined;
  return {
    name: PREPARE_CONTAINER,
    image: imageOf(request.stage, profile, config),
    imagePullPolicy: config.imagePullPolicy,
    command: ['mediajob-prepare'],
    args: [
      '--job',
      request.jobId,
      ...(source === undefined ? [] : ['--source', literally(source), '--stage', request.stage]),
    ],
    env: commonEnv(config),
    // Small, and less than the main container asks for: it costs the pod nothing.
    resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '256Mi' } },
    securityContext: CONFINED,
    terminationMessagePath: TERMINATION_LOG,
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: 'media', mountPath: DATA },
      { name: 'tmp', mountPath: TMP },
    ],
  };
}

function mainContainer(input: PodInput): Container {
  const { request, profile, config, memoryFactor } = input;
  return {
    name: MAIN_CONTAINER,
    image: imageOf(request.stage, profile, config),
    imagePullPolicy: config.imagePullPolicy,
    command: ['mediajob-job'],
    env: mainEnv(input),
    resources: resourcesOf(profile, memoryFactor),
    securityContext: CONFINED,
    terminationMessagePath: TERMINATION_LOG,
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: mounts(input),
  };
}

function imageOf(stage: StageName, profile: PodProfile, config: JobConfig): string {
  return profile.image ?? (usesTranscriber(stage) ? config.transcriberImage : config.converterImage);
}

function usesTranscriber(stage: StageName): boolean {
  return stage === 'transcribe' || stage === 'finalize';
}

function readsSource(stage: StageName): boolean {
  return stage === 'convert' || stage === 'render';
}

function commonEnv(config: JobConfig): EnvVar[] {
  return [
    { name: 'MEDIAJOB_DATA_DIR', value: DATA },
    { name: 'MEDIAJOB_LOG_LEVEL', value: config.logLevel },
    { name: 'MEDIAJOB_TERMINATION_LOG', value: TERMINATION_LOG },
    { name: 'TMPDIR', value: TMP },
  ];
}

/** Kubernetes puts variables into arguments and values where it finds `$(NAME)`; a prompt or a path may have that, too. */
export function literally(text: string): string {
  return text.replaceAll('$', '$$$$');
}

function mainEnv({ request, indexed, profile, config, traceparent }: PodInput): EnvVar[] {
  const { progress } = config;
  const own: EnvVar[] = [
    ...commonEnv(config),
    { name: 'MEDIAJOB_REQUEST', value: literally(JSON.stringify(request)) },
    { name: 'MEDIAJOB_RESERVE_BYTES', value: String(config.reserveBytes) },
    ...(usesTranscriber(request.stage) ? [{ name: 'MEDIAJOB_MODELS_DIR', value: MODELS }] : []),
    ...(indexed === undefined
      ? []
      : [
          { name: 'MEDIAJOB_SHARDS', value: String(indexed.shards) },
          { name: 'MEDIAJOB_CHUNKS', value: String(indexed.chunks) },
        ]),
    ...(progress === undefined || request.stage === 'cleanup'
      ? []
      : [
          { name: 'MEDIAJOB_PROGRESS_URL', value: progress.url },
          { name: 'MEDIAJOB_PROGRESS_TOKEN_FILE', value: `${TOKEN_DIRECTORY}/token` },
          { name: PROGRESS_CA, value: progress.authorities() },
        ]),
    ...(traceparent === undefined ? [] : [{ name: 'TRACEPARENT', value: traceparent }]),
  ];
  const names = new Set(own.map(({ name }) => name));
  return [...own, ...profile.env.filter(({ name }) => !names.has(name))];
}

/** Renewed again and again, so that no two pods need have the same. */
export const PROGRESS_CA = 'MEDIAJOB_PROGRESS_CA';

function mounts({ spec, request, profile, config }: PodInput): VolumeMount[] {
  const { stage, jobId } = request;
  const own = [...profile.volumes.map(({ name, mountPath }) => ({ name: `profile-${name}`, mountPath }))];
  const tmp = { name: 'tmp', mountPath: TMP };
  // Whole directories are removed, so the directory they are in has to be there.
  if (stage === 'cleanup') return [{ name: 'media', mountPath: DATA }, tmp];
  const part = (path: string): VolumeMount => ({ name: 'media', mountPath: `${DATA}/${path}`, subPath: path });
  const { path: source } = spec.source;
  return [
    part(`jobs/${jobId}`),
    part(`outputs/${jobId}`),
    ...(readsSource(stage) && source !== undefined ? [{ ...part(source), readOnly: true }] : []),
    ...(usesTranscriber(stage) ? [{ name: 'models', mountPath: MODELS, readOnly: true }] : []),
    tmp,
    ...(config.progress === undefined ? [] : [{ name: 'token', mountPath: TOKEN_DIRECTORY, readOnly: true }]),
    ...own,
  ];
}

function volumes({ request, profile, config }: PodInput): Volume[] {
  const { stage } = request;
  const { progress } = config;
  return [
    { name: 'media', persistentVolumeClaim: { claimName: config.mediaClaim } },
    ...(usesTranscriber(stage)
      ? [{ name: 'models', persistentVolumeClaim: { claimName: config.modelsClaim, readOnly: true } }]
      : []),
    { name: 'tmp', emptyDir: { sizeLimit: profile.tmpSize } },
    ...(progress === undefined || stage === 'cleanup' ? [] : [tokenVolume(progress.audience)]),
    ...(stage === 'cleanup'
      ? []
      : profile.volumes.map(({ name, medium, sizeLimit }) => ({
          name: `profile-${name}`,
          emptyDir: { medium, sizeLimit },
        }))),
  ];
}

/** A token that proves which pod this is, to the progress receiver alone. */
function tokenVolume(audience: string): Volume {
  return {
    name: 'token',
    projected: {
      sources: [{ serviceAccountToken: { audience, expirationSeconds: TOKEN_SECONDS, path: 'token' } }],
    },
  };
}

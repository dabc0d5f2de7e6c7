import type { z } from 'zod';
import { PHASES, type Phase } from './conditions.js';
import { API_GROUP, API_VERSION, KIND, type MediaJob, Metadata } from './mediajob.js';
import { MediaJobSpec } from './spec.js';
import { MediaJobStatus } from './status.js';

/** A MediaJob as an API server sends it: nothing of it but its metadata is certain. */
export interface RawMediaJob {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
  readonly status?: unknown;
}

export interface ReadMediaJob {
  readonly job: MediaJob;
  /** Why the spec cannot be run, naming the field. `job.spec` is then a placeholder that says nothing. */
  readonly invalid: string | undefined;
}

/**
 * The contract's view of an object of the API server. What the schema of the cluster let in but we do not understand
 * (another version's field, a rule that CEL does not have) never throws: a spec is said to be invalid, and parts of a
 * status that cannot be read are taken as not written.
 */
export function readMediaJob(object: RawMediaJob): ReadMediaJob {
  const spec = MediaJobSpec.safeParse(object.spec);
  const metadata = Metadata.safeParse(metadataOf(object));
  const job: MediaJob = {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: metadata.data ?? (metadataOf(object) as Metadata),
    spec: spec.data ?? PLACEHOLDER,
    status: readStatus(object.status),
  };
  return { job, invalid: invalidity('spec', spec) ?? invalidity('metadata', metadata) ?? reserved(spec.data) };
}

const PLACEHOLDER = MediaJobSpec.parse({ source: { path: 'inbox/unknown' }, transcribe: {} });

/** Only our own annotations: others may be longer than ours ever are. */
function metadataOf({ metadata }: RawMediaJob): z.input<typeof Metadata> {
  const { name, uid, creationTimestamp, deletionTimestamp, generation = 1, resourceVersion } = metadata;
  const annotations = Object.entries(metadata.annotations ?? {}).filter(
    ([key, value]) => key.startsWith(`${API_GROUP}/`) && value.length <= 1024,
  );
  return {
    name,
    uid,
    creationTimestamp,
    ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    generation,
    resourceVersion,
    annotations: Object.fromEntries(annotations),
  };
}

function invalidity(root: string, parsed: z.ZodSafeParseResult<unknown>): string | undefined {
  if (parsed.success) return undefined;
  const wrong = parsed.error.issues.map(({ path, message }) => `${[root, ...path].join('.')}: ${message}`);
  return `${wrong.slice(0, 5).join('; ')}.`;
}

/** The cluster refuses it by a rule; a definition that is older, or was edited, may not. */
function reserved(spec: MediaJobSpec | undefined): string | undefined {
  return spec?.priorityClass?.startsWith('system-') === true
    ? 'spec.priorityClass: the classes system-… are for the cluster itself.'
    : undefined;
}

/** Field by field, and item by item where items stand for themselves. */
export function readStatus(value: unknown): MediaJobStatus {
  const whole = MediaJobStatus.safeParse(value ?? {});
  if (whole.success) return whole.data;
  const given = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  const readable = Object.entries(MediaJobStatus.shape).flatMap(([name, schema]): [string, unknown][] => {
    const field = given[name];
    if (schema.safeParse(field).success) return field === undefined ? [] : [[name, field]];
    if (!Array.isArray(field)) return [];
    return [[name, field.filter((item) => schema.safeParse([item]).success)]];
  });
  return MediaJobStatus.parse(Object.fromEntries(readable));
}

/** The phase alone, without reading the rest; that of a new job where there is none, or none that we know. */
export function phaseOf({ status }: Pick<RawMediaJob, 'status'>): Phase {
  const phase = (status as { readonly phase?: unknown } | null | undefined)?.phase;
  return PHASES.find((known) => known === phase) ?? 'Pending';
}

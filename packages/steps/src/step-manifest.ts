import { type Manifest, STEP_RESULT_MAX_BYTES, type StepRequest, StepResult } from '@mediajob/contract';
import {
  DocumentError,
  type ManifestRef,
  readManifest,
  sha256OfJson,
  type VolumeFile,
  verifyManifest,
  writeManifest,
} from '@mediajob/storage';
import type { StepContext } from './context.js';
import { stepError } from './failure.js';

/** Files up to this size are checked by checksum before a result is taken again, larger ones by their size. */
export const DEEP_BELOW_BYTES = 4 << 20;

type ManifestedRequest = Exclude<StepRequest, { stage: 'cleanup' }>;
type ResultOf<Request extends ManifestedRequest> = Extract<StepResult, { stage: Request['stage'] }>;
type Unreferenced<Result> = Omit<Result, 'manifest'>;

/** Of the request without its run: the same work under another run id is the same work. */
export function parametersSha256(request: StepRequest): string {
  return sha256OfJson({ ...request, runId: undefined });
}

function manifestPath(context: StepContext, request: ManifestedRequest): string {
  const shard = request.stage === 'transcribe' ? request.shard : 0;
  return context.volume.layout.stepManifest(request.jobId, request.stage, shard);
}

/**
 * The result of an earlier run of the same step, when there is one to rely on: same parameters, same input, files as
 * its manifest says. A damaged manifest or a changed file means that the step has to be done (again); the log says so.
 * @param inputSha256 undefined: the input is gone; then a finished step is still finished
 */
export async function finishedResult<Request extends ManifestedRequest>(
  context: StepContext,
  request: Request,
  inputSha256: string | undefined,
): Promise<ResultOf<Request> | undefined> {
  const path = manifestPath(context, request);
  const again = (why: string) => {
    context.log.warn({ manifest: path, why }, 'an earlier result cannot be used; the step is done again');
    return undefined;
  };
  try {
    const stored = await readManifest(context.volume, path);
    if (stored === undefined) return undefined;
    const { manifest, ref } = stored;
    if (manifest.parametersSha256 !== parametersSha256(request)) return again('it was made with other parameters');
    if (inputSha256 !== undefined && manifest.inputSha256 !== inputSha256) return again('its input was another');
    const { signal } = context;
    const verified = await verifyManifest(context.volume, manifest, { deep: DEEP_BELOW_BYTES, signal });
    if (!verified.ok) return again(`${verified.path}: ${verified.why}`);
    const result = StepResult.safeParse({ ...(manifest.result as object), manifest: ref });
    if (!result.success || result.data.stage !== request.stage) return again('its result is of another version');
    context.log.info({ manifest: path, runId: manifest.runId }, 'this step was finished before');
    return result.data as ResultOf<Request>;
  } catch (error) {
    if (error instanceof DocumentError) return again(error.message);
    throw error;
  }
}

/** Writes the manifest, from which on the step is done, and gives the result that names it. */
export async function finishStep<Request extends ManifestedRequest>(
  context: StepContext,
  request: Request,
  done: {
    inputSha256: string;
    tools: Record<string, string>;
    files: VolumeFile[];
    result: Unreferenced<ResultOf<Request>>;
  },
): Promise<ResultOf<Request>> {
  // Never publish what a reader would refuse.
  const placeholder: ManifestRef = { path: manifestPath(context, request), sha256: '0'.repeat(64) };
  const parsed = StepResult.parse({ ...done.result, manifest: placeholder });
  const bytes = Buffer.byteLength(JSON.stringify(parsed));
  if (bytes > STEP_RESULT_MAX_BYTES) {
    throw stepError(
      'Internal',
      `The result of ${request.stage} has ${bytes} bytes, more than ${STEP_RESULT_MAX_BYTES}.`,
    );
  }
  const manifest: Manifest = {
    schemaVersion: 1,
    jobId: request.jobId,
    stage: request.stage,
    shard: request.stage === 'transcribe' ? request.shard : 0,
    runId: request.runId,
    inputSha256: done.inputSha256,
    parametersSha256: parametersSha256(request),
    tools: done.tools,
    files: done.files,
    result: done.result,
    finishedAt: context.now().toISOString(),
  };
  const ref = await writeManifest(context.volume, placeholder.path, manifest);
  return { ...parsed, manifest: ref } as ResultOf<Request>;
}

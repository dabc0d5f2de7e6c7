import type { ConditionReason, MediaJobSpec } from '@mediajob/contract';

export interface Refusal {
  readonly reason: Extract<ConditionReason, 'SourceNotAllowed' | 'InvalidSpec'>;
  readonly message: string;
}

/** What the schema lets pass but cannot be run here; undefined: accepted. */
export function refusalOf(spec: MediaJobSpec): Refusal | undefined {
  if (spec.source.url !== undefined || spec.source.s3 !== undefined) {
    const kind = spec.source.url === undefined ? 'S3' : 'web';
    return {
      reason: 'SourceNotAllowed',
      message: `Sources from ${kind} addresses are not allowed here. Upload the file, or put it below inbox/ on the media volume, and make a new job with source.path.`,
    };
  }
  if (spec.source.path === undefined) {
    return { reason: 'InvalidSpec', message: 'The job names no source. Make a new job with source.path.' };
  }
  if (spec.transcribe === undefined && spec.convert.renditions.length === 0) {
    return {
      reason: 'InvalidSpec',
      message: 'There is nothing to do. Make a new job with transcribe, or with at least one of convert.renditions.',
    };
  }
  return undefined;
}

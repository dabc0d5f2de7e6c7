import type { MediaJob } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';

/** Where a page of a list ends: new jobs in front of it do not move it, nor does the removal of the job itself. */
export interface JobCursor {
  readonly createdAt: string;
  readonly id: string;
}

export function cursorOf({ metadata }: MediaJob): string {
  return Buffer.from(`${metadata.creationTimestamp} ${metadata.uid}`).toString('base64url');
}

/** @throws ProblemError validation-failed */
export function parseCursor(text: string): JobCursor {
  const [createdAt, id, ...rest] = Buffer.from(text, 'base64url').toString('utf8').split(' ');
  if (createdAt === undefined || id === undefined || rest.length > 0 || Number.isNaN(Date.parse(createdAt))) {
    const message = 'is no cursor of ours';
    throw new ProblemError(
      'validation-failed',
      `“cursor” ${message}. Take “next” of the page before, or leave it out.`,
      {
        errors: [{ path: 'cursor', message }],
      },
    );
  }
  return { createdAt, id };
}

/** Newest first: whether a job comes after the cursor. */
export function isAfter({ metadata }: MediaJob, { createdAt, id }: JobCursor): boolean {
  return metadata.creationTimestamp === createdAt ? metadata.uid < id : metadata.creationTimestamp < createdAt;
}

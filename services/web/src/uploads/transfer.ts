import { ApiError, apiErrorOf } from '../api/problem.ts';

/** What a transfer tells while it runs. */
export interface TransferEvents {
  /** The server has given the upload an address; from now on it can be resumed. */
  onAddress(url: string): void;
  /** Bytes that have left the browser. */
  onProgress(sentBytes: number): void;
  /** Bytes that the server has acknowledged, thus stored for good. */
  onStored(storedBytes: number): void;
  onComplete(url: string): void;
  onError(error: ApiError): void;
}

export interface Transfer {
  /** Stops sending; what the server has stays there. */
  stop(): void;
}

/** Sends a file, from the beginning or from where the upload at `url` stands. */
export type StartTransfer = (file: File, url: string | undefined, events: TransferEvents) => Promise<Transfer>;

const ENDPOINT = '/api/v1/uploads';
/** Parts small enough for proxies that keep a whole request, large enough to cost nothing. */
const PART_BYTES = 32 * 1024 * 1024;

/** Transfers by tus 1.0; its code is loaded with the first file. Trying again is the queue's business, not tus's. */
export const startTusTransfer: StartTransfer = async (file, url, events) => {
  const { Upload, DetailedError } = await import('tus-js-client');
  const upload = new Upload(file, {
    endpoint: ENDPOINT,
    ...(url === undefined ? {} : { uploadUrl: url }),
    chunkSize: PART_BYTES,
    retryDelays: null,
    storeFingerprintForResuming: false,
    metadata: { filename: file.name, filetype: file.type },
    onUploadUrlAvailable: () => {
      if (upload.url !== null) events.onAddress(upload.url);
    },
    onProgress: (sent) => events.onProgress(sent),
    onChunkComplete: (_size, stored) => events.onStored(stored),
    onSuccess: () => events.onComplete(upload.url ?? ''),
    onError: (error) => {
      const answer = error instanceof DetailedError ? error.originalResponse : null;
      if (answer !== null && answer.getStatus() > 0) {
        events.onError(apiErrorOf(answer.getStatus(), answer.getBody(), answer.getHeader('Retry-After') ?? null));
      } else {
        events.onError(new ApiError('unreachable', error.message, { cause: error }));
      }
    },
  });
  upload.start();
  return { stop: () => void upload.abort() };
};

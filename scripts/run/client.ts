import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import type { CreateJobInput, MediaJob, Problem, Transcript } from '@mediajob/contract';

/** An answer of main that is not a success, with its problem body. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Partial<Problem>;

  constructor(status: number, problem: Partial<Problem>) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.name = 'ApiError';
    this.status = status;
    this.problem = problem;
  }
}

const TUS = { 'Tus-Resumable': '1.0.0' };
/** Bytes sent in one request: what a broken connection may cost. */
const PIECE_BYTES = 64 * 1024 * 1024;

/** Main's public API, as anybody's client would use it. */
export class Client {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async #request(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(new URL(path, this.#url), init);
    if (response.ok) return response;
    const text = await response.text();
    let problem: Partial<Problem> = { detail: text.slice(0, 500) };
    try {
      problem = JSON.parse(text) as Problem;
    } catch {
      // not a problem body: something between us and main answered
    }
    throw new ApiError(response.status, problem);
  }

  /** True when a MediaJob main answers at this address. */
  async isMediaJob(): Promise<boolean> {
    try {
      const response = await fetch(new URL('/api/v1/system', this.#url), { signal: AbortSignal.timeout(2_000) });
      return response.ok && 'runtime' in ((await response.json()) as object);
    } catch {
      return false;
    }
  }

  /**
   * Uploads a file by tus and resolves to the upload's id. A piece that fails is sent again from where the server
   * says it stands.
   */
  async upload(file: string, onProgress: (fraction: number) => void, signal: AbortSignal): Promise<string> {
    const { size } = await stat(file);
    const created = await this.#request('/api/v1/uploads', {
      method: 'POST',
      headers: {
        ...TUS,
        'Upload-Length': String(size),
        'Upload-Metadata': `filename ${Buffer.from(basename(file)).toString('base64')}`,
      },
      signal,
    });
    const location = new URL(created.headers.get('location') ?? '', new URL('/api/v1/uploads/', this.#url)).pathname;
    let offset = 0;
    for (let failures = 0; offset < size; ) {
      try {
        offset = await this.#sendPiece(location, file, offset, Math.min(size, offset + PIECE_BYTES), signal);
        failures = 0;
        onProgress(offset / size);
      } catch (error) {
        const permanent =
          error instanceof ApiError && error.status < 500 && error.status !== 409 && error.status !== 423;
        if (permanent || signal.aborted || ++failures > 5) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** failures));
        const head = await this.#request(location, { method: 'HEAD', headers: TUS, signal });
        offset = Number(head.headers.get('upload-offset'));
      }
    }
    return location.split('/').at(-1) as string;
  }

  async #sendPiece(location: string, file: string, start: number, end: number, signal: AbortSignal): Promise<number> {
    const response = await this.#request(location, {
      method: 'PATCH',
      headers: {
        ...TUS,
        'Content-Type': 'application/offset+octet-stream',
        'Upload-Offset': String(start),
        'Content-Length': String(end - start),
      },
      body: Readable.toWeb(createReadStream(file, { start, end: end - 1 })) as RequestInit['body'],
      duplex: 'half',
      signal,
    } as RequestInit);
    return Number(response.headers.get('upload-offset'));
  }

  async createJob(job: CreateJobInput): Promise<MediaJob> {
    const response = await this.#request('/api/v1/jobs', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(job),
    });
    return (await response.json()) as MediaJob;
  }

  async job(id: string): Promise<MediaJob> {
    return (await (await this.#request(`/api/v1/jobs/${id}`)).json()) as MediaJob;
  }

  async deleteJob(id: string): Promise<void> {
    await this.#request(`/api/v1/jobs/${id}`, { method: 'DELETE' });
  }

  async transcript(id: string): Promise<Transcript> {
    return (await (await this.#request(`/api/v1/jobs/${id}/transcript`)).json()) as Transcript;
  }
}

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import type { MediaJob, ProblemCode, ServerEvent, Transcript } from '@mediajob/contract';
import { PROBLEMS } from '@mediajob/contract';
import { aJob } from './jobs.ts';
import { peaksFor, toneWav } from './media.ts';
import { type Health, systemStatus } from './system-status.ts';
import { jfk } from './transcripts.ts';

/** The policy that main sends with the page: whatever breaks under it breaks here first. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface Upload {
  readonly id: string;
  readonly size: number;
  readonly fileName: string;
  readonly fileType: string;
  received: number;
  /** The request whose bytes count. What an earlier one still has under way is lost, as main loses it. */
  receiving?: IncomingMessage | undefined;
}

class Refusal extends Error {
  readonly code: ProblemCode;
  constructor(code: ProblemCode, detail: string) {
    super(detail);
    this.code = code;
  }
}

/** A double of main for the page: in memory, over real HTTP, as well or as ill as a test wants it. */
export class MockServer {
  readonly jobs = new Map<string, MediaJob>();
  /** Ids that jobs were kept under before the cluster had them. */
  readonly aliases = new Map<string, string>();
  readonly transcripts = new Map<string, Transcript>();
  readonly uploads = new Map<string, Upload>();
  readonly edits = new Map<string, { version: number; edits: unknown[] }>();
  /** Requests in the order they came, as `METHOD /path`. */
  readonly requests: string[] = [];
  health: Health = 'well';
  /** Bytes a second that uploads are taken at; undefined: as they come. */
  uploadSpeed: number | undefined;
  /** Every request of the API is answered by this problem. */
  refuseAll: ProblemCode | undefined;
  /** The next upload is refused once so many of its bytes have come. */
  refuseUpload: { readonly code: ProblemCode; readonly afterBytes: number } | undefined;
  /** Steps a second that a new job takes; 0: it stays where it is. */
  jobSpeed = 8;
  readonly #server: Server;
  readonly #streams = new Set<ServerResponse>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #webDir: string;
  #eventId = 0;
  #uploadCount = 0;

  constructor(webDir: string) {
    this.#webDir = webDir;
    this.#server = createServer((req, res) => void this.#handle(req, res));
  }

  async start(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends at once, also what is still open: a server that was killed. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Cuts every connection that is open now; new ones are taken. */
  cutConnections(): void {
    this.#server.closeAllConnections();
  }

  addJob(job: MediaJob, transcript?: Transcript): MediaJob {
    this.jobs.set(job.metadata.uid, job);
    if (transcript !== undefined) this.transcripts.set(job.metadata.uid, transcript);
    return job;
  }

  /** Changes a job and tells the pages. */
  updateJob(id: string, status: Partial<MediaJob['status']>): void {
    const job = this.jobs.get(id);
    if (job === undefined) return;
    const next = { ...job, status: { ...job.status, ...status } };
    this.jobs.set(id, next);
    this.publish({ type: 'job', job: next });
  }

  publish(event: ServerEvent): void {
    this.#eventId += 1;
    for (const stream of this.#streams) this.#tell(stream, event);
  }

  #tell(stream: ServerResponse, event: ServerEvent): void {
    stream.write(`id: 1-${this.#eventId}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? '/', 'http://mock');
    const method = req.method ?? 'GET';
    if (url.pathname.startsWith('/api/')) this.requests.push(`${method} ${url.pathname}`);
    try {
      if (!url.pathname.startsWith('/api/')) return this.#page(url.pathname, res);
      if (this.refuseAll !== undefined) throw new Refusal(this.refuseAll, 'The test wants it so.');
      if (url.pathname.startsWith('/api/v1/uploads')) return await this.#upload(method, url.pathname, req, res);
      return await this.#api(method, url, req, res);
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal('internal', String(error));
      sendProblem(res, refusal);
    }
  }

  #page(path: string, res: ServerResponse): void {
    const wanted = join(this.#webDir, normalize(path));
    const file = existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(this.#webDir, 'index.html');
    res.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'x-content-type-options': 'nosniff',
    });
    createReadStream(file).pipe(res);
  }

  async #api(method: string, url: URL, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const [, , , resource, id, part, rest] = url.pathname.split('/');
    if (resource === 'system') return sendJson(res, systemStatus(this.health));
    if (resource === 'events') return this.#events(req, res);
    if (resource !== 'jobs') throw new Refusal('not-found', `There is no ${url.pathname}.`);
    if (id === undefined && method === 'GET') return sendJson(res, this.#list(url.searchParams));
    if (id === undefined) return sendJson(res, this.#create(JSON.parse(await bodyOf(req))), 201);
    if (id === 'bulk') return sendJson(res, this.#bulk(JSON.parse(await bodyOf(req))));
    const job = this.jobs.get(this.aliases.get(id) ?? id);
    if (job === undefined) throw new Refusal('job-not-found', `There is no job ${id}.`);
    if (part === undefined) return sendJson(res, job);
    const transcript = this.transcripts.get(id);
    const durationMs = transcript?.durationMs ?? job.status.media?.durationMs ?? 11_000;
    if (part === 'peaks') return sendJson(res, peaksFor(durationMs));
    if (part === 'media') return sendRange(req, res, toneWav(Math.min(durationMs, 60_000)), 'audio/wav');
    if (part === 'outputs') {
      res.writeHead(200, { 'content-type': 'text/plain', 'content-disposition': `attachment; filename="${rest}"` });
      res.end(`${rest}\n`);
      return;
    }
    if (transcript === undefined) throw new Refusal('transcript-not-ready', 'The job has not ended.');
    if (rest === undefined) return sendJson(res, transcript);
    return this.#editsOf(method, id, req, res);
  }

  async #editsOf(method: string, id: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const present = this.edits.get(id);
    const etag = present === undefined ? '"none"' : `"v${present.version}"`;
    if (method === 'GET') {
      res.setHeader('etag', etag);
      return sendJson(res, { edits: present?.edits ?? [] });
    }
    if (req.headers['if-match'] !== etag)
      throw new Refusal('precondition-failed', 'The corrections changed meanwhile.');
    const { edits } = JSON.parse(await bodyOf(req)) as { edits: unknown[] };
    const version = (present?.version ?? 0) + 1;
    this.edits.set(id, { version, edits });
    res.setHeader('etag', `"v${version}"`);
    sendJson(res, { edits });
  }

  #events(req: IncomingMessage, res: ServerResponse): void {
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    res.write('retry: 500\n\n');
    // Of the past nothing is kept: whoever has missed something loads anew.
    if (req.headers['last-event-id'] !== undefined) this.#tell(res, { type: 'reset' });
    this.#streams.add(res);
    res.on('close', () => this.#streams.delete(res));
  }

  #list(query: URLSearchParams): unknown {
    const limit = Number(query.get('limit') ?? 50);
    const from = Number(query.get('cursor') ?? 0);
    const search = query.get('search')?.toLowerCase() ?? '';
    const ended = (job: MediaJob) => ['Succeeded', 'Failed', 'Cancelled'].includes(job.status.phase);
    const items = [...this.jobs.values()]
      .filter((job) => query.get('phase') === null || job.status.phase === query.get('phase'))
      .filter((job) => query.get('active') !== 'true' || !ended(job))
      .filter((job) => (job.metadata.annotations?.['mediajob.io/title'] ?? '').toLowerCase().includes(search))
      .toSorted((a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp));
    return {
      items: items.slice(from, from + limit),
      total: items.length,
      ...(from + limit < items.length ? { next: String(from + limit) } : {}),
    };
  }

  #create(body: { metadata?: { title?: string }; spec: { source: { path: string }; transcribe?: object } }): MediaJob {
    const upload = this.uploads.get(body.spec.source.path.split('/')[1] ?? '');
    if (upload === undefined) throw new Refusal('upload-not-found', `There is no ${body.spec.source.path}.`);
    if (upload.received < upload.size) throw new Refusal('upload-incomplete', 'The upload is not complete.');
    const job = this.addJob(
      aJob({ title: body.metadata?.title ?? upload.fileName, phase: 'Pending', ageMs: 0, spec: body.spec }),
    );
    this.publish({ type: 'job', job });
    if (this.jobSpeed > 0) this.#run(job.metadata.uid);
    return job;
  }

  /** Lets a job go through its phases, a step at a time. */
  #run(id: string): void {
    let percent = 0;
    const timer = setInterval(() => {
      percent += 10;
      if (percent < 100) {
        const { stages, media, startedAt } = aJob({
          phase: percent < 30 ? 'Converting' : 'Transcribing',
          ageMs: 0,
        }).status;
        this.updateJob(id, {
          phase: percent < 30 ? 'Converting' : 'Transcribing',
          progress: { percent, text: `${percent}%`, etaSeconds: (100 - percent) / 10 },
          stages,
          media,
          startedAt,
        });
        return;
      }
      clearInterval(timer);
      this.#timers.delete(timer);
      this.transcripts.set(id, jfk());
      this.updateJob(id, aJob({ ageMs: 0 }).status);
    }, 1000 / this.jobSpeed);
    this.#timers.add(timer);
  }

  #bulk({ action, ids }: { action: string; ids: string[] }): unknown {
    return {
      results: ids.map((id) => {
        if (!this.jobs.has(id)) return { id, ok: false, code: 'job-not-found', detail: 'There is no such job.' };
        if (action === 'delete') {
          this.jobs.delete(id);
          this.publish({ type: 'job-deleted', id });
        }
        if (action === 'cancel') this.updateJob(id, { phase: 'Cancelled', finishedAt: new Date().toISOString() });
        if (action === 'suspend') this.updateJob(id, { phase: 'Suspended' });
        if (action === 'retry') this.updateJob(id, { phase: 'Pending', finishedAt: undefined, attempt: 2 });
        return { id, ok: true };
      }),
    };
  }

  async #upload(method: string, path: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const [, , , , id, part] = path.split('/');
    res.setHeader('tus-resumable', '1.0.0');
    if (method === 'POST') {
      const metadata = Object.fromEntries(
        (req.headers['upload-metadata'] ?? '')
          .toString()
          .split(',')
          .map((pair) => pair.split(' '))
          .map(([key, value]) => [key, Buffer.from(value ?? '', 'base64').toString()]),
      );
      this.#uploadCount += 1;
      const upload: Upload = {
        id: `01JD${String(this.#uploadCount).padStart(22, '0')}`,
        size: Number(req.headers['upload-length']),
        fileName: metadata.filename ?? '',
        fileType: metadata.filetype ?? '',
        received: 0,
      };
      this.uploads.set(upload.id, upload);
      res.writeHead(201, { location: `/api/v1/uploads/${upload.id}` });
      res.end();
      return;
    }
    const upload = this.uploads.get(id ?? '');
    if (upload === undefined) throw new Refusal('upload-not-found', `There is no upload ${id}.`);
    if (part === 'info') {
      const paths = [...this.jobs.values()].filter((job) => job.spec.source.path?.includes(upload.id));
      return sendJson(res, {
        schemaVersion: 1,
        id: upload.id,
        fileName: upload.fileName,
        bytes: upload.size,
        createdAt: new Date().toISOString(),
        metadata: {},
        receivedBytes: upload.received,
        complete: upload.received === upload.size,
        jobs: paths.map((job) => job.metadata.uid),
      });
    }
    if (method === 'DELETE') {
      this.uploads.delete(upload.id);
      res.writeHead(204).end();
      return;
    }
    // As in main: whoever asks where an upload stands ends what came before.
    upload.receiving = undefined;
    if (method === 'PATCH') await this.#receive(upload, req);
    res.writeHead(method === 'HEAD' ? 200 : 204, {
      'upload-offset': upload.received,
      'upload-length': upload.size,
      'cache-control': 'no-store',
    });
    res.end();
  }

  async #receive(upload: Upload, req: IncomingMessage): Promise<void> {
    if (Number(req.headers['upload-offset']) !== upload.received) {
      throw new Refusal('conflict', `The upload stands at ${upload.received}.`);
    }
    upload.receiving = req;
    for await (const chunk of req as AsyncIterable<Buffer>) {
      if (upload.receiving !== req) return;
      upload.received += chunk.length;
      if (this.refuseUpload !== undefined && upload.received >= this.refuseUpload.afterBytes) {
        throw new Refusal(this.refuseUpload.code, 'The test refuses this upload.');
      }
      if (this.uploadSpeed !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, (chunk.length / (this.uploadSpeed ?? 1)) * 1000));
      }
    }
  }
}

function sendJson(res: ServerResponse, body: unknown, status = 200): void {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify(body));
}

function sendProblem(res: ServerResponse, refusal: Refusal): void {
  const { status, title } = PROBLEMS[refusal.code];
  if (res.headersSent) {
    res.destroy();
    return;
  }
  res.writeHead(status, { 'content-type': 'application/problem+json', connection: 'close' });
  res.end(
    JSON.stringify({
      type: `urn:mediajob:problem:${refusal.code}`,
      title,
      status,
      code: refusal.code,
      detail: refusal.message,
      instance: 'req-01JDMOCK',
    }),
  );
}

function sendRange(req: IncomingMessage, res: ServerResponse, body: Buffer, type: string): void {
  const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? '') ?? [];
  const start = Number(from);
  const end = to === '' ? body.length - 1 : Math.min(Number(to), body.length - 1);
  res.writeHead(req.headers.range === undefined ? 200 : 206, {
    'content-type': type,
    'accept-ranges': 'bytes',
    'content-length': end - start + 1,
    ...(req.headers.range === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${body.length}` }),
  });
  res.end(body.subarray(start, end + 1));
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

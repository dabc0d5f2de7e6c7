import { Problem, type StepRequest, TaskList, TaskStatus } from '@mediajob/contract';
import { createDependency, type Dependency, DependencyUnavailableError, outgoingHeaders } from '@mediajob/service';
import { Agent, request } from 'undici';
import type { OwnVolume } from '../system/own-volume.js';
import { dataOfEvents } from './event-data.js';
import { expandAddresses, type Resolve } from './worker-addresses.js';
import type { WorkerAnswer, WorkerKind, WorkerLoad, Workers } from './workers.js';

export interface HttpWorkersOptions {
  readonly converters: readonly string[];
  readonly transcribers: readonly string[];
  /** Longest wait for one answer in ms. */
  readonly timeoutMs?: number;
  readonly resolve?: Resolve;
  /** Which volume the workers ought to be on; unknown when left out. */
  readonly volume?: OwnVolume;
}

const TIMEOUT_MS = 5000;
const LOAD_TIMEOUT_MS = 2000;
/** A worker that is back should be noticed within a second or so. */
const HALF_OPEN_AFTER_MS = 1000;
const LARGEST_ANSWER = 8 * 1024 * 1024;
/** A worker's stream says something every 15 s; after this long without a byte, nobody is there. */
const STREAM_SILENCE_MS = 45_000;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** The answer was cut, too long, or no JSON: as good as none. */
class BrokenAnswerError extends Error {
  override readonly name = 'BrokenAnswerError';
  readonly code = 'broken-answer';
  readonly transient = true;
}

/** The tasks API of converters and transcribers (DESIGN §7), each address behind a time limit and a breaker of its own. */
export class HttpWorkers implements Workers {
  readonly #options: HttpWorkersOptions;
  readonly #timeoutMs: number;
  readonly #agent = new Agent({ connect: { timeout: 2000 }, keepAliveTimeout: 10_000, connections: 32 });
  /** Streams stay open as long as their runs: in a pool of their own they keep no question waiting. */
  readonly #streams = new Agent({ connect: { timeout: 2000 }, connections: null });
  readonly #dependencies = new Map<string, Dependency>();

  constructor(options: HttpWorkersOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  }

  async loads(kind: WorkerKind): Promise<WorkerLoad[]> {
    const urls = kind === 'converter' ? this.#options.converters : this.#options.transcribers;
    const addresses = await expandAddresses(urls, this.#options.resolve);
    this.#forgetAddresses(kind, addresses);
    const loads = await Promise.all(addresses.map((address) => this.#load(address)));
    return loads.filter((load) => load !== undefined);
  }

  put(address: string, id: string, step: StepRequest): Promise<WorkerAnswer> {
    return this.#ask(address, 'PUT', id, step);
  }

  get(address: string, id: string): Promise<WorkerAnswer> {
    return this.#ask(address, 'GET', id);
  }

  cancel(address: string, id: string): Promise<WorkerAnswer> {
    return this.#ask(address, 'DELETE', id);
  }

  async follow(address: string, id: string, tell: (status: TaskStatus) => void, signal: AbortSignal): Promise<void> {
    try {
      const { statusCode, body } = await request(`${address}/v1/tasks/${encodeURIComponent(id)}/events`, {
        dispatcher: this.#streams,
        headersTimeout: this.#timeoutMs,
        bodyTimeout: STREAM_SILENCE_MS,
        signal,
        headers: { ...outgoingHeaders(), accept: 'text/event-stream' },
      });
      if (statusCode !== 200) {
        await body.dump();
        return;
      }
      for await (const data of dataOfEvents(body, LARGEST_ANSWER)) {
        const task = TaskStatus.safeParse(parsed(data)).data;
        if (task?.id === id) tell(task);
      }
    } catch {
      // Whoever follows asks by `get`, which tells what is wrong.
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#agent.destroy(), this.#streams.destroy()]);
  }

  async #load(address: string): Promise<WorkerLoad | undefined> {
    try {
      const [{ status, body }, elsewhere] = await Promise.all([
        this.#call(address, 'GET', '/v1/tasks', undefined, LOAD_TIMEOUT_MS),
        this.#isElsewhere(address),
      ]);
      const list = TaskList.safeParse(body).data;
      if (status !== 200 || list === undefined) return undefined;
      const tasks = list.tasks.filter((task) => task.finishedAt === undefined).map((task) => task.id);
      return {
        address,
        instance: list.instance,
        capacity: list.capacity,
        taken: list.running + list.queued,
        draining: list.draining,
        tasks,
        ...(elsewhere ? { elsewhere } : {}),
      };
    } catch {
      return undefined;
    }
  }

  /** Asked each time: the same address may be another process by now. */
  async #isElsewhere(address: string): Promise<boolean> {
    const { volume } = this.#options;
    if (volume === undefined) return false;
    const { body } = await this.#call(address, 'GET', '/health', undefined, LOAD_TIMEOUT_MS);
    return volume.isMissing(body);
  }

  async #ask(address: string, method: 'GET' | 'PUT' | 'DELETE', id: string, step?: StepRequest): Promise<WorkerAnswer> {
    let answer: Answer;
    try {
      answer = await this.#call(address, method, `/v1/tasks/${encodeURIComponent(id)}`, step, this.#timeoutMs);
    } catch (error) {
      return { kind: 'unreachable', refused: isRefused(error), detail: detailOf(error) };
    }
    const { status, body } = answer;
    if (status === 200 || status === 201 || status === 202) {
      const task = TaskStatus.safeParse(body);
      if (task.success && task.data.id === id) return { kind: 'status', status: task.data };
      return { kind: 'unreachable', refused: false, detail: 'The worker answered something that is no task.' };
    }
    const problem = Problem.safeParse(body).data;
    const detail = problem?.detail ?? `The worker answered ${status}.`;
    if (status === 404 && (problem?.code === 'task-not-found' || method !== 'PUT')) return { kind: 'unknown' };
    if (status === 429 || status === 503) return { kind: 'busy', detail };
    if (status >= 500) return { kind: 'unreachable', refused: false, detail };
    return { kind: 'rejected', detail };
  }

  #call(
    address: string,
    method: 'GET' | 'PUT' | 'DELETE',
    path: string,
    body: StepRequest | undefined,
    timeoutMs: number,
  ): Promise<Answer> {
    return this.#dependency(address).call(async (signal) => {
      const answer = await request(`${address}${path}`, {
        method,
        dispatcher: this.#agent,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        headers: {
          ...outgoingHeaders(),
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: answer.statusCode, body: parsed(await textOf(answer.body)) };
    });
  }

  #dependency(address: string): Dependency {
    const known = this.#dependencies.get(address);
    if (known !== undefined) return known;
    const made = createDependency({
      name: 'worker',
      timeoutMs: this.#timeoutMs + 1000,
      retries: 0,
      halfOpenAfterMs: HALF_OPEN_AFTER_MS,
      isTransient: () => true,
    });
    this.#dependencies.set(address, made);
    return made;
  }

  /** Instances come and go with every scaling; breakers of those that are gone must not pile up. */
  readonly #known: Record<WorkerKind, readonly string[]> = { converter: [], transcriber: [] };
  #forgetAddresses(kind: WorkerKind, addresses: readonly string[]): void {
    for (const gone of this.#known[kind]) if (!addresses.includes(gone)) this.#dependencies.delete(gone);
    this.#known[kind] = addresses;
  }
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > LARGEST_ANSWER) throw new BrokenAnswerError(`the answer is longer than ${LARGEST_ANSWER} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Nobody listens at that port: whatever ran there is gone. A broken circuit or a timeout tells no such thing. */
function isRefused(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && cause.code === 'ECONNREFUSED') return true;
    if (cause instanceof AggregateError && cause.errors.length > 0 && cause.errors.every(isRefused)) return true;
  }
  return false;
}

function detailOf(error: unknown): string {
  const cause = error instanceof DependencyUnavailableError && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}

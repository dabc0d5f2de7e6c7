import { ApiError, apiErrorOf } from './problem.ts';

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends a JSON request to main and returns its answer.
 * @throws ApiError for every answer that is not 2xx, and with code `unreachable` when none came.
 */
export async function request(path: string, options: RequestOptions = {}): Promise<Response> {
  const { method = 'GET', body, headers, signal } = options;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal ?? null,
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError('unreachable', 'The server did not answer.', { cause });
  }
  if (!response.ok) throw apiErrorOf(response.status, await response.text(), response.headers.get('retry-after'));
  return response;
}

/** The body of an answer as JSON, of the type that the contract gives for `path`. */
export async function requestJson<T>(path: string, options?: RequestOptions): Promise<T> {
  const response = await request(path, options);
  try {
    return (await response.json()) as T;
  } catch (cause) {
    throw new ApiError('unknown', `${path} answered what is not JSON.`, { status: response.status, cause });
  }
}

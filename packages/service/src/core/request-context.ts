import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes, randomUUID } from 'node:crypto';

/** What ties the log lines of one request together, from the browser to the last child of the last run. */
export interface RequestContext {
  /** Made by the first of ours that saw the request, or by its caller. */
  readonly requestId: string;
  /** W3C Trace Context, version 00. */
  readonly traceparent: string;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** The context of the request or task on whose behalf the present code runs. */
export function requestContext(): RequestContext | undefined {
  return storage.getStore();
}

/** Runs `fn`, and all that it starts, in this context. */
export function withRequestContext<T>(context: RequestContext, fn: () => T): T {
  return storage.run(context, fn);
}

/** Taken from a caller only when it cannot break a log line, a header or a path. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
/** https://www.w3.org/TR/trace-context/#traceparent-header: all-zero ids are invalid. */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;

/** The context that a request's headers ask for; what is missing or malformed is made anew. */
export function contextOfHeaders(headers: {
  requestId?: string | undefined;
  traceparent?: string | undefined;
}): RequestContext {
  const { requestId, traceparent } = headers;
  return {
    requestId: requestId !== undefined && REQUEST_ID.test(requestId) ? requestId : randomUUID(),
    traceparent: childOf(traceparent),
  };
}

/** Headers to send along with a call to another service: the same request and trace, a span of its own. */
export function outgoingHeaders(context: RequestContext | undefined = requestContext()): Record<string, string> {
  if (context === undefined) return {};
  return { 'x-request-id': context.requestId, traceparent: childOf(context.traceparent) };
}

function childOf(traceparent: string | undefined): string {
  const [, traceId = randomBytes(16).toString('hex'), flags = '01'] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  return `00-${traceId}-${randomBytes(8).toString('hex')}-${flags}`;
}

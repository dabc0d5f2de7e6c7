/** `..` as a segment, plain or percent-encoded, with either slash; an absolute path; a NUL. */
const TRAVERSAL = /(^|[/\\]|%2f|%5c)(\.|%2e){2}([/\\]|%2f|%5c|$)|^[/\\]|^[a-z]:[/\\]|\0|%00/i;
/** The same in a URL, which always begins with a slash. */
const URL_TRAVERSAL = /([/\\]|%2f|%5c)(\.|%2e){2}([/\\]|%2f|%5c|$)|%00/i;

/** Whether a refused value looks as if it was meant to leave the media volume; for the log of suspicious events. */
export function looksLikeTraversal(value: unknown): boolean {
  return typeof value === 'string' && TRAVERSAL.test(value);
}

/** The same for the address of a request, as it was sent. */
export function urlLooksLikeTraversal(url: string): boolean {
  return URL_TRAVERSAL.test(url.split('?', 1)[0] ?? '');
}

/** The value at a path such as spec.source.path of a parsed body. */
export function valueAt(body: unknown, path: string): unknown {
  let value = body;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** Entity tags of a header such as `If-None-Match: "a", W/"b"`, without quotes and weakness marks. */
function tagsOf(header: string): string[] {
  return [...header.matchAll(/(?:W\/)?"([^"]*)"/g)].map(([, tag = '']) => tag);
}

/** A strong entity tag as it stands in a header. */
export function entityTag(value: string): string {
  return `"${value}"`;
}

/** Whether `If-None-Match` names this entity (weak comparison, RFC 9110 §13.1.2): then 304 is the answer. */
export function matchesNone(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === '*' || tagsOf(header).includes(tag);
}

/** Whether `If-Match` holds (strong comparison, RFC 9110 §13.1.1): a weak tag never does. */
export function matchesStrongly(header: string, tag: string): boolean {
  return header.trim() === '*' || tagsOf(header.replace(/W\/"[^"]*"/g, '')).includes(tag);
}

/** Whether `If-Range` allows a part to be sent: only the same strong entity does (RFC 9110 §13.1.5). Dates never do: we send none. */
export function rangeStillHolds(header: string | undefined, tag: string): boolean {
  return header === undefined || header.trim() === entityTag(tag);
}

/** What may stand in a quoted `filename=` without escaping or guessing a charset: printable ASCII but `"`, `\` and `%`. */
const NOT_PLAIN = /[^\x20-\x7e]|["\\%]/g;
/** Characters of RFC 5987 `attr-char` that encodeURIComponent leaves as they are must be escaped here. */
const NOT_ATTR_CHAR = /['()*]/g;

/**
 * A `Content-Disposition` value by RFC 6266: an ASCII name for old readers and the true one in UTF-8.
 *
 * @param kind `attachment` saves the file, `inline` lets the browser show it
 * @param fileName any text; it can neither end the header nor add a parameter
 */
export function contentDisposition(kind: 'attachment' | 'inline', fileName: string): string {
  const name = fileName.toWellFormed();
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '').replace(NOT_PLAIN, '_');
  const escaped = encodeURIComponent(name).replace(
    NOT_ATTR_CHAR,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${kind}; filename="${plain}"; filename*=UTF-8''${escaped}`;
}

/** One character, and which tokens its bytes came from. */
export interface Character {
  readonly text: string;
  /** Index of the first and of the last token that it has bytes of, and where in it, as shares from 0 to 1. */
  readonly from: { readonly token: number; readonly share: number };
  readonly to: { readonly token: number; readonly share: number };
}

/**
 * Decodes the joined bytes of tokens. Byte-level tokens end anywhere, also in the middle of a character, so only the
 * whole is UTF-8. Bytes that form no character (models do emit them) are left out.
 */
export function charactersOf(tokens: readonly { readonly bytes: Uint8Array }[]): Character[] {
  const total = tokens.reduce((sum, token) => sum + token.bytes.length, 0);
  const bytes = new Uint8Array(total);
  const owner = new Uint32Array(total);
  const start: number[] = [];
  let end = 0;
  tokens.forEach((token, index) => {
    start.push(end);
    bytes.set(token.bytes, end);
    owner.fill(index, end, end + token.bytes.length);
    end += token.bytes.length;
  });
  // The space that most tokens begin with takes no time.
  const share = (at: number, index: number) => {
    const token = tokens[index]?.bytes ?? bytes;
    const lead = token.length > 1 && token[0] === 0x20 ? 1 : 0;
    return Math.max(0, at - (start[index] ?? 0) - lead) / Math.max(1, token.length - lead);
  };
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const characters: Character[] = [];
  for (let at = 0; at < total; ) {
    const length = sequenceLength(bytes[at] ?? 0);
    const text =
      length === 1
        ? String.fromCharCode(bytes[at] ?? 0)
        : length > 1 && at + length <= total
          ? decode(decoder, bytes.subarray(at, at + length))
          : undefined;
    if (text === undefined) {
      at++;
      continue;
    }
    const first = owner[at] ?? 0;
    const last = owner[at + length - 1] ?? 0;
    characters.push({
      text,
      from: { token: first, share: share(at, first) },
      to: { token: last, share: share(at + length, last) },
    });
    at += length;
  }
  return characters;
}

/** Bytes of the sequence that a leading byte announces; 0 for one that leads none. */
function sequenceLength(byte: number): number {
  if (byte < 0x80) return 1;
  if (byte >= 0xc2 && byte < 0xe0) return 2;
  if (byte >= 0xe0 && byte < 0xf0) return 3;
  return byte >= 0xf0 && byte < 0xf5 ? 4 : 0;
}

function decode(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

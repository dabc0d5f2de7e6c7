import { ModelError } from './model-error.js';

/**
 * GPT-2 writes each byte of a token as one printable character: printable Latin-1 stands for itself, the 68 others
 * follow from U+0100 on (openai/gpt-2 `bytes_to_unicode`).
 */
const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = (() => {
  const map = new Map<string, number>();
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) map.set(String.fromCodePoint(printable(byte) ? byte : next++), byte);
  return map;
})();

/** The bytes that a token written in GPT-2's alphabet stands for, or undefined when it is not written in it. */
export function bytesOfToken(token: string): Uint8Array | undefined {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = BYTE_OF_CHARACTER.get(character);
    if (byte === undefined) return undefined;
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/** Entries before the special tokens: the same number in every Whisper vocabulary. */
const PLAIN_TOKENS = 50_257;

/**
 * The tokens that a ggml file carries, in order of their ids: those of byte-level BPE, without special tokens.
 * English vocabularies have one plain token fewer, and `<|endoftext|>` takes its place; the multilingual one ends with an
 * empty token there.
 *
 * @param text a CTranslate2 `vocabulary.txt`: one token a line, in order of ids
 * @throws {ModelError} bad-model when it is not a Whisper vocabulary
 */
export function plainTokens(text: string): Uint8Array[] {
  const lines = text.split('\n');
  const tokens = lines.slice(0, PLAIN_TOKENS).map((line, id) => {
    const bytes = line === '<|endoftext|>' ? new TextEncoder().encode(line) : bytesOfToken(line);
    if (bytes === undefined)
      throw new ModelError('bad-model', `vocabulary.txt: token ${id} (${JSON.stringify(line)}) is not byte-level BPE.`);
    return bytes;
  });
  // whisper.cpp's decoder looks the token " " up and fails without it.
  if (tokens.length < PLAIN_TOKENS || !tokens.some((token) => token.length === 1 && token[0] === 0x20))
    throw new ModelError('bad-model', `vocabulary.txt: it has ${lines.length} lines and is not a Whisper vocabulary.`);
  return tokens;
}

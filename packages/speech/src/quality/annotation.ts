/** All of it in brackets, between asterisks, or notes of music: Whisper's descriptions of a sound. */
const ANNOTATION =
  /^(?:\s*(?:\[[^\]]*\]|\([^)]*\)|（[^）]*）|【[^】]*】|\*[^*]+\*|[♪♫♬♩]+[^♪♫♬♩]*[♪♫♬♩]*)[\s.,…-]*)+$/u;
const LYRICS = /[♪♫♬♩][^♪♫♬♩]*\p{L}/u;

/**
 * Whether a text only describes a sound, such as [BLANK_AUDIO], (applause) or ♪: nobody said it. Words of a song between
 * notes were said.
 */
export function isAnnotation(text: string): boolean {
  return ANNOTATION.test(text) && !LYRICS.test(text);
}

/**
 * Asks every `everyMs` until the answer is neither false nor undefined, and returns it. The limit is there to end a
 * broken test, not to measure anything.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  options: { explain?: () => string; limitMs?: number; everyMs?: number } = {},
): Promise<T> {
  const { explain, limitMs = 120_000, everyMs = 50 } = options;
  const end = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`never came true: ${what}\n${explain?.() ?? ''}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

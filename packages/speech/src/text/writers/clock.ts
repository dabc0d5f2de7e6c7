const two = (value: number) => String(Math.floor(value)).padStart(2, '0');

/** `01:02:03.004`, with as many hours as there are. */
export function clock(ms: number, separator = '.'): string {
  const rest = String(ms % 1000).padStart(3, '0');
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}${separator}${rest}`;
}

/** `01:02:03`, for people. */
export function wholeSeconds(ms: number): string {
  return clock(ms).slice(0, -4);
}

/** Minutes, seconds and hundredths: there are no hours in LRC. */
export function lrcClock(ms: number): string {
  const hundredths = Math.floor(ms / 10);
  return `${two(hundredths / 6000)}:${two((hundredths / 100) % 60)}.${two(hundredths % 100)}`;
}

/** `1:02:03.45` of whole hundredths. */
export function assClock(hundredths: number): string {
  const hours = Math.floor(hundredths / 360_000);
  return `${hours}:${two((hundredths / 6000) % 60)}:${two((hundredths / 100) % 60)}.${two(hundredths % 100)}`;
}

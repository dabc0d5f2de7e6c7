import type { Language, Messages, Plural } from './messages.ts';

type Values = Readonly<Record<string, string | number>>;

const MINUTE = 60;
const HOUR = 3600;
const BYTE_UNITS = ['kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** Puts values for `{name}` into a text. What is not given stays as it is, so that a mistake is seen. */
export function fill(template: string, values: Values): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** Numbers, sizes, times and plurals as people who read one language write them. */
export class Formatter {
  readonly language: Language;
  readonly #units: Messages['unit'];
  readonly #plural: Intl.PluralRules;
  readonly #number: Intl.NumberFormat;
  readonly #decimal: Intl.NumberFormat;
  readonly #percent: Intl.NumberFormat;
  readonly #relative: Intl.RelativeTimeFormat;
  readonly #date: Intl.DateTimeFormat;
  readonly #day: Intl.DateTimeFormat;
  readonly #dayOfYear: Intl.DateTimeFormat;
  readonly #names: Intl.DisplayNames;
  readonly #bytes = new Map<string, Intl.NumberFormat>();

  constructor(language: Language, units: Messages['unit']) {
    this.language = language;
    this.#units = units;
    this.#plural = new Intl.PluralRules(language);
    this.#number = new Intl.NumberFormat(language);
    this.#decimal = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
    this.#percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 });
    this.#relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'short' });
    this.#date = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });
    this.#day = new Intl.DateTimeFormat(language, { dateStyle: 'medium' });
    this.#dayOfYear = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short' });
    this.#names = new Intl.DisplayNames([language], { type: 'language' });
  }

  /** The text for `n` things. */
  count(plural: Plural, n: number, values: Values = {}): string {
    return fill(plural[this.#plural.select(n)] ?? plural.other, { ...values, n: this.number(n) });
  }

  number(n: number): string {
    return this.#number.format(n);
  }

  decimal(n: number): string {
    return this.#decimal.format(n);
  }

  /** 0–100 as a whole percentage. Rounded down: 100 % is said only when it is all done. */
  percent(value: number): string {
    return this.#percent.format(Math.floor(Math.min(100, Math.max(0, value))) / 100);
  }

  /** A size in decimal units, as disks and browsers give it; kilobytes at least. */
  bytes(bytes: number): string {
    const thousands = bytes < 1000 ? 1 : Math.floor(Math.log10(bytes) / 3);
    const power = Math.min(BYTE_UNITS.length, thousands);
    const value = bytes / 1000 ** power;
    const digits = value >= 100 || bytes === 0 ? 0 : 1;
    const unit = BYTE_UNITS[power - 1] ?? 'kilobyte';
    const key = `${unit}${digits}`;
    const format =
      this.#bytes.get(key) ??
      new Intl.NumberFormat(this.language, {
        style: 'unit',
        unit,
        unitDisplay: 'short',
        maximumFractionDigits: digits,
      });
    this.#bytes.set(key, format);
    return format.format(value);
  }

  /** A position or length as a clock shows it: 0:07, 12:34, 1:02:03. */
  clock(ms: number): string {
    const total = Math.max(0, Math.floor(ms / 1000));
    const hours = Math.floor(total / HOUR);
    const minutes = Math.floor((total % HOUR) / MINUTE);
    const seconds = String(total % MINUTE).padStart(2, '0');
    return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`;
  }

  /** A length in its two largest units: 8 s, 3 min, 1 h 20 min. */
  span(ms: number): string {
    const total = Math.max(0, Math.round(ms / 1000));
    if (total < MINUTE) return fill(this.#units.seconds, { n: total });
    const minutes = Math.round(total / MINUTE);
    const hours = Math.floor(minutes / 60);
    const rest = minutes % 60;
    if (hours === 0) return fill(this.#units.minutes, { n: minutes });
    const hoursText = fill(this.#units.hours, { n: hours });
    return rest === 0 ? hoursText : `${hoursText} ${fill(this.#units.minutes, { n: rest })}`;
  }

  /** How long ago a moment was, coarsely; dates older than a week as dates. */
  ago(iso: string, now: number): string {
    const seconds = Math.round((now - Date.parse(iso)) / 1000);
    if (seconds < 45) return this.#relative.format(0, 'second');
    if (seconds < 45 * MINUTE) return this.#relative.format(-Math.max(1, Math.round(seconds / MINUTE)), 'minute');
    if (seconds < 22 * HOUR) return this.#relative.format(-Math.max(1, Math.round(seconds / HOUR)), 'hour');
    if (seconds < 7 * 24 * HOUR) return this.#relative.format(-Math.max(1, Math.round(seconds / HOUR / 24)), 'day');
    const sameYear = new Date(now).getFullYear() === new Date(iso).getFullYear();
    return (sameYear ? this.#dayOfYear : this.#day).format(Date.parse(iso));
  }

  dateTime(iso: string): string {
    return this.#date.format(Date.parse(iso));
  }

  /** The name of a language, as a list begins with it: `Russian`, `Русский`. */
  languageName(tag: string): string {
    const name = this.#names.of(tag) ?? tag;
    return name.charAt(0).toLocaleUpperCase(this.language) + name.slice(1);
  }
}

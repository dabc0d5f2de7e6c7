import type { CONDITION_REASONS, DOUBTS, FailureReason, Phase, ProblemCode, StageName } from '@mediajob/contract';
import type { en } from './en.ts';

/** The interface languages. */
export const LANGUAGES = ['en', 'ru'] as const;
export type Language = (typeof LANGUAGES)[number];

/** One text for each plural form that a language has; `{n}` is the number. */
export type Plural = { readonly other: string } & { readonly [form in Intl.LDMLPluralRule]?: string };

/** What went wrong, and what to do next. */
export interface Advice {
  readonly what: string;
  readonly next: string;
}

type Wider<T> = T extends string
  ? string
  : T extends { readonly other: string }
    ? Plural
    : { readonly [key in keyof T]: Wider<T[key]> };

/** Every text of the page. English is the pattern; a text that another language lacks is a type error. */
export type Messages = Wider<typeof en>;

/** What the contract can answer, so that a new code cannot come without its words. */
export interface ContractMessages {
  readonly phase: Readonly<Record<Phase, string>>;
  readonly stage: Readonly<Record<StageName, string>>;
  readonly problem: Readonly<Record<ProblemCode | 'unreachable' | 'unknown', Advice>>;
  readonly failure: Readonly<Record<FailureReason, Advice>>;
  readonly condition: Readonly<Partial<Record<(typeof CONDITION_REASONS)[number], Advice>>>;
  readonly doubt: Readonly<Record<(typeof DOUBTS)[number], string>>;
}

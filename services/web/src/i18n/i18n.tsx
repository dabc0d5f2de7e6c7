import { createContext, type ReactNode, use, useEffect, useState } from 'react';
import { useStore } from '../components/store.ts';
import { preferences } from '../preferences/preferences.ts';
import { Formatter } from './formatter.ts';
import type { Language, Messages } from './messages.ts';

export interface I18n {
  readonly language: Language;
  /** The texts. */
  readonly m: Messages;
  /** Numbers, dates and plurals. */
  readonly f: Formatter;
}

/** The language a person chose, or the first of the browser's that the page speaks. */
export function chosenLanguage(wish: Language | undefined, browser: readonly string[]): Language {
  if (wish !== undefined) return wish;
  for (const tag of browser) {
    if (tag.toLowerCase().startsWith('ru')) return 'ru';
    if (tag.toLowerCase().startsWith('en')) return 'en';
  }
  return 'en';
}

/** Loads the texts of one language: only that one travels. */
export async function loadI18n(language: Language): Promise<I18n> {
  const m: Messages = language === 'ru' ? (await import('./ru.ts')).ru : (await import('./en.ts')).en;
  return { language, m, f: new Formatter(language, m.unit) };
}

const I18nContext = createContext<I18n | undefined>(undefined);

/** The texts of the chosen language, exchanged when another is chosen. */
export function I18nProvider({ first, children }: { readonly first: I18n; readonly children: ReactNode }) {
  const wish = useStore(preferences).language;
  const language = chosenLanguage(wish, navigator.languages);
  const [i18n, setI18n] = useState(first);
  useEffect(() => {
    if (language === i18n.language) return;
    let current = true;
    void loadI18n(language).then((loaded) => {
      if (current) setI18n(loaded);
    });
    return () => {
      current = false;
    };
  }, [language, i18n.language]);
  useEffect(() => {
    document.documentElement.lang = i18n.language;
  }, [i18n.language]);
  return <I18nContext value={i18n}>{children}</I18nContext>;
}

export function useI18n(): I18n {
  const i18n = use(I18nContext);
  if (i18n === undefined) throw new Error('useI18n is used outside I18nProvider');
  return i18n;
}

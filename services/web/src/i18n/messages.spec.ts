import { describe, expect, it } from 'vitest';
import { en } from './en.ts';
import { LANGUAGES, type Messages } from './messages.ts';
import { ru } from './ru.ts';

const DICTIONARIES: Record<(typeof LANGUAGES)[number], Messages> = { en, ru };
const FORMS = new Set(['zero', 'one', 'two', 'few', 'many', 'other']);

type Leaf = string | Readonly<Record<string, string>>;

/** Every text of a dictionary by its path; a plural is one text with its forms. */
function leaves(value: unknown, path = ''): Map<string, Leaf> {
  if (typeof value === 'string') return new Map([[path, value]]);
  const entries = Object.entries(value as Record<string, unknown>);
  if (entries.every(([key]) => FORMS.has(key))) return new Map([[path, value as Record<string, string>]]);
  return new Map(entries.flatMap(([key, item]) => [...leaves(item, path === '' ? key : `${path}.${key}`)]));
}

const placeholders = (leaf: Leaf | undefined) =>
  [
    ...new Set(
      Object.values(typeof leaf === 'string' ? { leaf } : (leaf ?? {})).flatMap((text) => text.match(/\{\w+\}/g) ?? []),
    ),
  ]
    .toSorted()
    .join(' ');

describe.each(LANGUAGES)('the dictionary of %s', (language) => {
  const texts = leaves(DICTIONARIES[language]);
  const pattern = leaves(en);

  it('has the same keys as English', () => {
    expect([...texts.keys()].toSorted()).toEqual([...pattern.keys()].toSorted());
  });

  it('has every plural form that the language has, and no other', () => {
    const wanted = new Intl.PluralRules(language).resolvedOptions().pluralCategories.toSorted();
    const plurals = [...texts].filter(([, leaf]) => typeof leaf !== 'string');
    expect(plurals.length).toBeGreaterThan(5);
    for (const [path, leaf] of plurals) expect([path, Object.keys(leaf).toSorted()]).toEqual([path, wanted]);
  });

  it('uses the same values as English in every text', () => {
    for (const [path, leaf] of texts)
      expect([path, placeholders(leaf)]).toEqual([path, placeholders(pattern.get(path))]);
  });

  it('leaves no text empty', () => {
    for (const [path, leaf] of texts) {
      for (const text of Object.values(typeof leaf === 'string' ? { leaf } : leaf))
        expect([path, text.trim()]).not.toEqual([path, '']);
    }
  });
});

it('Russian is Russian: only names and codes are the same in both', () => {
  const english = leaves(en);
  const same = [...leaves(ru)].filter(([path, leaf]) => leaf === english.get(path)).map(([path]) => path);
  expect(same).toEqual([]);
});

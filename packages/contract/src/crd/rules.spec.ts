import { describe, expect, it } from 'vitest';
import { CHANGE_CASES, CREATE_CASES, LARGEST_SPEC, NAMES } from '../../test/crd-cases.js';
import { JobName } from '../ids.js';
import { MediaJobSpec } from '../spec.js';
import { IMMUTABLE_FIELDS, MEDIAJOB_EXTENSIONS } from './rules.js';

/** `.spec.convert.renditions[]` → `spec.convert.renditions[0]` */
const fieldOf = (path: string, fieldPath = '') => `${path}${fieldPath}`.replaceAll('[]', '[0]').slice(1);

const rules = Object.entries(MEDIAJOB_EXTENSIONS).flatMap(([path, { rules: list = [] }]) =>
  list.map(({ message, fieldPath, reason }) => ({ field: fieldOf(path, fieldPath), message, reason })),
);

describe('every rule', () => {
  it.each(rules.filter(({ reason }) => reason !== 'FieldValueForbidden'))(
    'has cases: $field $message',
    ({ field, message }) => {
      if (field === 'metadata.name') return expect(NAMES.says).toBe(message);
      const own = CREATE_CASES.filter((it) => it.field === field && it.says === message);
      expect(own.flatMap((it) => it.takes).length).toBeGreaterThan(0);
      expect(own.flatMap((it) => it.refuses).length).toBeGreaterThan(0);
    },
  );

  it.each(IMMUTABLE_FIELDS)('has cases: %s does not change', (field) => {
    const own = CHANGE_CASES.filter((it) => it.promise.startsWith(`${field} `));
    expect(own.some((it) => it.forbidden === `spec.${field}`)).toBe(true);
    expect(own.some((it) => it.forbidden === undefined)).toBe(true);
  });

  it('has a set for each list whose items are told apart', () => {
    const sets = Object.entries(MEDIAJOB_EXTENSIONS).filter(([, { set }]) => set === true);
    for (const [path] of sets) {
      expect(CREATE_CASES.some((it) => it.field === fieldOf(path) && it.says === 'Duplicate value')).toBe(true);
    }
  });
});

describe('zod judges as the API server does', () => {
  it.each(CREATE_CASES)('$field: $says', ({ takes, refuses }) => {
    for (const spec of takes) {
      const { error } = MediaJobSpec.safeParse(spec);
      expect(error?.issues, JSON.stringify(spec)).toBeUndefined();
    }
    for (const spec of refuses) expect(MediaJobSpec.safeParse(spec).success, JSON.stringify(spec)).toBe(false);
  });

  it.each(CHANGE_CASES)('before and after it is a spec: $promise', ({ from, to }) => {
    expect(MediaJobSpec.safeParse(from).success).toBe(true);
    expect(MediaJobSpec.safeParse(to).success).toBe(true);
  });

  it.each(NAMES.takes)('%s is a name', (name) => expect(JobName.safeParse(name).success).toBe(true));
  it.each(NAMES.refuses)('%s is no name', (name) => expect(JobName.safeParse(name).success).toBe(false));

  it('knows no field that the largest spec does not have', () => {
    expect(Object.keys(LARGEST_SPEC).sort()).toEqual(Object.keys(MediaJobSpec.shape).sort());
    expect(Object.keys(LARGEST_SPEC.transcribe as object).sort()).toEqual(
      Object.keys(MediaJobSpec.shape.transcribe.unwrap().shape).sort(),
    );
  });
});

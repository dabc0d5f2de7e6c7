import type { Selection } from '../../src/api.js';
import { isRecord } from '../../src/equal.js';
import type { KubeObject } from '../../src/object.js';
import { badRequest } from './errors.js';

/** @throws KubeApiError BadRequest for a selector that the server would not take */
export function matcher(selection: Selection, selectable: readonly string[]): (object: KubeObject) => boolean {
  const labels = labelRequirements(selection.labelSelector ?? '');
  const fields = fieldRequirements(selection.fieldSelector ?? '', selectable);
  return (object) =>
    (selection.namespace === undefined || object.metadata.namespace === selection.namespace) &&
    labels.every((it) => it(object.metadata.labels ?? {})) &&
    fields.every((it) => it(object));
}

type Labels = Readonly<Record<string, string>>;

/** `a=b,c!=d,e in (f, g),h notin (i),j,!k` */
function labelRequirements(selector: string): ((labels: Labels) => boolean)[] {
  return parts(selector).map((part) => {
    const set = /^([^\s!=]+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(part);
    if (set !== null) {
      const [, key, operator, list] = set as unknown as [string, string, string, string];
      const values = list.split(',').map((it) => it.trim());
      const isIn = (labels: Labels) => key in labels && values.includes(labels[key] as string);
      return operator === 'in' ? isIn : (labels) => !isIn(labels);
    }
    const equality = /^([^\s!=]+)\s*(==|=|!=)\s*([^\s!=]*)$/.exec(part);
    if (equality !== null) {
      const [, key, operator, value] = equality as unknown as [string, string, string, string];
      return operator === '!=' ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
    }
    const existence = /^(!?)\s*([^\s!=()]+)$/.exec(part);
    if (existence === null) throw badRequest(`unable to parse requirement: ${part}`);
    const [, not, key] = existence as unknown as [string, string, string];
    return not === '!' ? (labels) => !(key in labels) : (labels) => key in labels;
  });
}

function fieldRequirements(selector: string, selectable: readonly string[]): ((object: KubeObject) => boolean)[] {
  return parts(selector).map((part) => {
    const match = /^([^=!]+)(==|=|!=)([^=!]*)$/.exec(part);
    if (match === null) throw badRequest(`invalid field selector: ${part}`);
    const [, path, operator, value] = match as unknown as [string, string, string, string];
    if (!['metadata.name', 'metadata.namespace', ...selectable].includes(path)) {
      throw badRequest(`field label not supported: ${path}`);
    }
    return (object) => (fieldOf(object, path) === value) === (operator !== '!=');
  });
}

/** As the server has it: a field that is missing is the empty string. */
function fieldOf(object: KubeObject, path: string): string {
  const value = path.split('.').reduce<unknown>((at, name) => (isRecord(at) ? at[name] : undefined), object);
  return value === undefined || value === null ? '' : String(value);
}

/** Splits at commas outside of parentheses. */
function parts(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((it) => it.trim())
    .filter((it) => it !== '');
}

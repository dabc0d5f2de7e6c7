import { describe, expect, it } from 'vitest';
import { chartReadme } from './readme.ts';
import { chartValues } from './values.ts';

const TEXT = `# About the file.

# How many.
# @schema {minimum: 1}
count: 2

# A group.
group:
  # Its first,
  # in two lines.
  first: ""
  # A leaf, since it says what it is.
  # @schema {type: object}
  leaf: {a: 1}
  plain: [x|y]
`;

describe('chartValues', () => {
  const [count, group] = chartValues(TEXT);

  it('takes the comment above a key for its description, and none that belongs to the file', () => {
    expect(count).toMatchObject({ path: ['count'], description: 'How many.', default: 2, schema: { minimum: 1 } });
    expect(group).toMatchObject({ path: ['group'], description: 'A group.', schema: {} });
  });

  it('goes into maps, unless a schema says what they are', () => {
    expect(
      group?.children.map(({ path, description, children }) => [path.join('.'), description, children.length]),
    ).toEqual([
      ['group.first', 'Its first, in two lines.', 0],
      ['group.leaf', 'A leaf, since it says what it is.', 0],
      ['group.plain', '', 0],
    ]);
  });

  it('names the key whose schema is none', () => {
    expect(() => chartValues('a:\n  # @schema text\n  b: 1\n')).toThrow('a.b: @schema is no map');
  });
});

describe('chartReadme', () => {
  it('has a row for each value, with its default, where a pipe does not end the cell', () => {
    const text = chartReadme(chartValues(TEXT), '# Title\n');
    expect(text).toContain('| `count` | `2` | How many. |\n');
    expect(text).toContain('### group\n\nA group.\n');
    expect(text).toContain('| `group.first` |  | Its first, in two lines. |\n');
    expect(text).toContain('| `group.plain` | `[ x\\|y ]` |  |\n');
  });
});

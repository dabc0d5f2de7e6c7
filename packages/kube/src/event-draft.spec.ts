import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutToBytes } from './event-draft.js';

describe('a text that is too long', () => {
  it('is left alone when it is not', () => {
    expect(cutToBytes('a'.repeat(1024), 1024)).toBe('a'.repeat(1024));
  });

  it('is cut, and says so', () => {
    expect(cutToBytes('a'.repeat(1025), 1024)).toBe(`${'a'.repeat(1021)}…`);
  });

  it('is never cut inside of a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.integer({ min: 3, max: 40 }), (text, bytes) => {
        const cut = cutToBytes(text, bytes);
        expect(new TextEncoder().encode(cut).length).toBeLessThanOrEqual(bytes);
        expect(text === cut || text.startsWith(cut.slice(0, -1))).toBe(true);
        expect(cut).not.toContain('\ufffd');
      }),
    );
  });
});

import { describe, expect, it } from 'vitest';
import { failureOf } from './failure.js';
import { checkMemory } from './memory-check.js';

const MIB = 1024 ** 2;
const large = { name: 'large-v3', modelBytes: 3095 * MIB };

describe('the memory for a model', () => {
  it('is looked at before the model is loaded, and what would fit is named', () => {
    const check = () => checkMemory(large, { kind: 'whispercpp', memoryBytes: 1024 * MIB });
    expect(check).toThrow(
      /^The model large-v3 needs about .+ of memory, and this process may use 1 GiB\. Give it more, or choose a model that fits: tiny, .*base.*\.$/,
    );
    expect(check).not.toThrow(/medium|turbo/);
  });

  it('ends a run as out of memory, so that the next one gets more where that can be had', () => {
    let failure: unknown;
    try {
      checkMemory(large, { kind: 'ctranslate2', memoryBytes: 100 * MIB });
    } catch (error) {
      failure = failureOf(error);
    }
    expect(failure).toMatchObject({
      exitCode: 137,
      reason: 'OutOfMemory',
      message: expect.stringMatching(/Give it more\.$/),
    });
  });

  it('is enough for a base model in 300 MiB', () => {
    expect(() =>
      checkMemory({ name: 'base', modelBytes: 78 * MIB }, { kind: 'whispercpp', memoryBytes: 300 * MIB }),
    ).not.toThrow();
  });
});

import type { Metafile } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { noticesOf } from './notices.ts';

const bundleOf = (...inputs: string[]): Metafile => ({
  inputs: {},
  outputs: {
    'dist/job.js': {
      ...{ bytes: 1, imports: [], exports: [] },
      inputs: Object.fromEntries(inputs.map((it) => [it, { bytesInOutput: 1 }])),
    },
  },
});

describe('the notices of a bundle', () => {
  it('carry the licence of each package, and of what others made among our sources', () => {
    const notices = noticesOf(
      bundleOf('node_modules/zod/index.js', 'packages/media/dist/vad/weights-data.js', 'packages/media/dist/plan.js'),
    );
    expect(notices).toMatch(/^zod \d/);
    expect(notices).toContain(
      'silero (packages/media/src/vad)\n\nMIT License\n\nCopyright (c) 2020-present Silero Team',
    );
  });

  it('carry nothing of what is not in it', () => {
    expect(noticesOf(bundleOf('packages/media/dist/plan.js'))).toBe('');
  });
});

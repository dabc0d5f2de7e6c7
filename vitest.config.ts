import { defineConfig } from 'vitest/config';

// Workspace packages resolve to their TypeScript sources, so that tests need no build.
// Never 'import': Vitest hands these to Node, where require() of a CommonJS package would then get its ES module.
const conditions = ['@mediajob/source', 'node'];
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } } };

export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: [
            '{packages,services}/*/src/**/*.spec.{ts,tsx}',
            'operator/src/**/*.spec.ts',
            'scripts/**/*.spec.ts',
            'test/unit/**/*.spec.ts',
          ],
        },
      },
      {
        ...shared,
        test: {
          name: 'medium',
          include: [
            '{packages,services}/*/test/medium/**/*.spec.ts',
            'operator/test/medium/**/*.spec.ts',
            'test/medium/**/*.spec.ts',
          ],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        ...shared,
        test: {
          name: 'system',
          include: ['test/system/**/*.spec.ts'],
          testTimeout: 600_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        ...shared,
        test: {
          name: 'control-plane',
          include: ['test/control-plane/**/*.spec.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
        },
      },
      {
        ...shared,
        test: {
          name: 'browser',
          include: ['test/browser/**/*.spec.ts'],
          // What a browser does takes as long as the machine lets it: waits end early when it is done.
          expect: { poll: { timeout: 30_000 } },
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

import { defineConfig } from 'vitest/config';

// Workspace packages resolve to their TypeScript sources, so that tests need no build.
// Never 'import': Vitest hands these to Node, where require() of a CommonJS package would then get its ES module.
const conditions = ['@mediajob/source', 'node'];
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } } };
// What is waited for takes as long as the machine lets it: waits end early when it is there, and limits only end broken tests.
const patient = { expect: { poll: { timeout: 60_000 } }, testTimeout: 120_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          ...patient,
          name: 'unit',
          include: [
            '{packages,services}/*/src/**/*.spec.{ts,tsx}',
            'packages/*/test/memory-api/**/*.spec.ts',
            'operator/src/**/*.spec.ts',
            'bench/**/*.spec.ts',
            'scripts/**/*.spec.ts',
            'test/unit/**/*.spec.ts',
            'test/cluster/**/*.spec.ts',
          ],
        },
      },
      {
        ...shared,
        test: {
          ...patient,
          name: 'medium',
          include: [
            '{packages,services}/*/test/medium/**/*.spec.ts',
            'operator/test/medium/**/*.spec.ts',
            'test/medium/**/*.spec.ts',
          ],
          maxWorkers: 2,
        },
      },
      {
        ...shared,
        test: {
          ...patient,
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
          ...patient,
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
          ...patient,
          name: 'browser',
          include: ['test/browser/**/*.spec.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        ...shared,
        test: {
          ...patient,
          name: 'cluster',
          include: ['test/e2e/**/*.spec.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

/** Images that run our programs, each built from its own Dockerfile or target. */
export const IMAGE_NAMES = ['main', 'operator', 'converter', 'transcriber'] as const;
export type ImageName = (typeof IMAGE_NAMES)[number];

/**
 * The commands of each image: what is called, and the module it is made from. `server.js` and so on are names of the
 * bundle; in the image `mediajob-server` leads to it.
 */
export const COMMANDS: Record<ImageName, Readonly<Record<string, string>>> = {
  main: { server: 'services/main/dist/server.js', smoke: 'scripts/smoke.ts' },
  operator: { operator: 'operator/dist/server.js' },
  converter: {
    server: 'services/converter/dist/server.js',
    job: 'services/converter/dist/job.js',
    prepare: 'services/converter/dist/prepare.js',
  },
  transcriber: {
    server: 'services/transcriber/dist/server.js',
    job: 'services/transcriber/dist/job.js',
    prepare: 'services/transcriber/dist/prepare.js',
    models: 'packages/speech/dist/models/cli.js',
  },
};

/** Started as a thread by its file name: see packages/service/src/core/watchdog.ts. */
export const WATCHDOG_THREAD = 'packages/service/dist/core/watchdog-thread.js';

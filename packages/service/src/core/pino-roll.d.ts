/** pino-roll 4 comes without types: what we use of it. */
declare module 'pino-roll' {
  import type { EventEmitter } from 'node:events';

  interface RollingFile extends EventEmitter {
    readonly destroyed: boolean;
    write(line: string): boolean;
    flushSync(): void;
    end(): void;
    destroy(): void;
  }

  interface RollOptions {
    file: string;
    /** A number followed by b, k, m or g. */
    size: string;
    frequency: 'daily' | 'hourly' | number;
    limit: { count: number };
    mkdir: boolean;
    sync: boolean;
    maxLength: number;
  }

  const buildRollingFile: (options: RollOptions) => Promise<RollingFile>;
  // biome-ignore lint/style/noDefaultExport: this is how the package exports it
  export default buildRollingFile;
}

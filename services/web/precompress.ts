import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const TEXT = /\.(js|css|html|svg|json|map)$/;

/** Leaves `<file>.br` and `<file>.gz` beside each text of the build, as small as they get: main sends them as they are. */
export function precompress(): Plugin {
  let outDir = '';
  return {
    name: 'precompress',
    apply: 'build',
    configResolved(config) {
      outDir = resolve(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const entry of readdirSync(outDir, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !TEXT.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const text = readFileSync(path);
        const packed = {
          br: brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: text.length } }),
          gz: gzipSync(text, { level: constants.Z_BEST_COMPRESSION }),
        };
        for (const [ending, bytes] of Object.entries(packed))
          if (bytes.length < text.length) writeFileSync(`${path}.${ending}`, bytes);
      }
    },
  };
}

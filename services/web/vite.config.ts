import react from '@vitejs/plugin-react';
import { defaultClientConditions, defineConfig } from 'vite';
import { precompress } from './precompress.ts';

const main = process.env.MEDIAJOB_MAIN_URL ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [react(), precompress()],
  // Constants of the contract come from its sources: no build is needed first, and what is unused is left out.
  resolve: { conditions: ['@mediajob/source', ...defaultClientConditions] },
  build: {
    target: 'es2023',
    // The page's policy allows neither data: scripts nor inline styles, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { port: 5173, proxy: { '/api': main, '/v1': main } },
});

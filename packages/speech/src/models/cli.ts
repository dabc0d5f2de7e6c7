#!/usr/bin/env node
import http from 'node:http';
import { runModelsCommand } from './commands.js';

// Where Node knows how (24.14 and later), HTTP_PROXY, HTTPS_PROXY and NO_PROXY apply to downloads, as they do to pip.
if ('setGlobalProxyFromEnv' in http && typeof http.setGlobalProxyFromEnv === 'function') http.setGlobalProxyFromEnv();

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort(new Error(signal)));

process.exitCode = await runModelsCommand(process.argv.slice(2), {
  env: process.env,
  signal: stop.signal,
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
});

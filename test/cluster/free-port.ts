import { createServer } from 'node:net';

/** Below the ports that kernels hand out by themselves, so that no outgoing connection takes it in the meantime. */
const FIRST = 20_000;
const COUNT = 12_000;

/** A loopback port that is free now. Another process may still be faster: its user has to be ready to try again. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await isFree(port)) return port;
  }
  throw new Error('no free port found');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

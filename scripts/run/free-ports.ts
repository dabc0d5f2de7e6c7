import { createServer } from 'node:net';

/**
 * The first of `count` neighbouring ports that are free now, with those 1100 above (metrics) free, too. All lie below 32768,
 * where systems begin to give out ports to outgoing connections: so none of those takes one before it is listened at.
 */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const first = 10_000 + Math.floor(Math.random() * 21_000);
    const wanted = Array.from({ length: count }, (_, index) => [first + index, first + index + 1100]).flat();
    const free = await Promise.all(wanted.map(isFree));
    if (free.every(Boolean)) return first;
  }
  throw new Error('no free neighbouring ports found');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

import { buildPage } from './build-page.ts';
import { MockServer } from './mock-server.ts';
import { populate } from './worlds.ts';

// For work on the page without the services: the built page on a free port, or with PORT=8000 behind `vite`.
const server = new MockServer(await buildPage());
populate(server);
process.stdout.write(`${await server.start(Number(process.env.PORT ?? 0))}\n`);

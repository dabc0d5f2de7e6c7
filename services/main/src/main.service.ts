import { MainEnv } from '@mediajob/contract';
import { versionOf } from '@mediajob/service';
import type { ServiceContext, ServiceOptions } from '@mediajob/service/nest';
import { mainModule, type RuntimeParts, type Tuning } from './app.module.js';
import { guardRequests } from './security/guard-requests.js';
import { servePage } from './web/serve-page.js';

/** Corrections of a long transcript are the largest JSON body that comes. */
const BODY_LIMIT = '16mb';

/** What drives the jobs of a main with these settings. */
export type Runtime = (service: ServiceContext<MainEnv>) => RuntimeParts | Promise<RuntimeParts>;

/** main as `bootstrapService` runs it, over the given runtime. */
export function mainService(runtime: Runtime, tuning?: Tuning): ServiceOptions<MainEnv> {
  return {
    name: 'main',
    version: versionOf(new URL('../package.json', import.meta.url)),
    description: 'Uploads, jobs, transcripts and the web page.',
    env: MainEnv,
    bodyLimit: BODY_LIMIT,
    module: async (service) => mainModule(service, await runtime(service), tuning),
    configure(app, service) {
      guardRequests(app, service);
      servePage(app, service.env.MEDIAJOB_WEB_DIR);
    },
  };
}

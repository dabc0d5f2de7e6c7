import { KubeApiError, Namespaces } from '@mediajob/kube';
import { describe, expect, it } from 'vitest';
import { MemoryServer, registerBuiltInKinds } from '../../packages/kube/test/memory-api/index.js';
import { RecordedLog } from '../../packages/kube/test/recorded-log.js';
import { aMediaJob } from '../test/builders.js';
import { DirectApi } from '../test/direct-api.js';
import { MEDIAJOB_FINALIZER } from './labels.js';
import { leaveHome } from './leave-home.js';
import { MediaJobs } from './media-job-kind.js';

const WATCHED = ['home', 'team-a', 'team-b'];

/** Three namespaces with two MediaJobs each, all of them held. */
function aWorld() {
  const server = registerBuiltInKinds(new MemoryServer({ clock: { now: () => 0 }, random: () => 0.5 }));
  server.register(MediaJobs, { status: true });
  const { apiVersion, kind, spec } = aMediaJob().build();
  for (const namespace of WATCHED) {
    server.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    for (const name of ['a', 'b']) {
      const metadata = { name, namespace, finalizers: ['theirs', MEDIAJOB_FINALIZER] };
      server.create(MediaJobs, { apiVersion, kind, metadata, spec });
    }
  }
  const end = (name: string) =>
    server.update(Namespaces, { name }, (it) => ({ ...it, status: { phase: 'Terminating' as const } }), {
      subresource: 'status',
    });
  const held = () =>
    server
      .all(MediaJobs)
      .filter(({ metadata }) => metadata.finalizers?.includes(MEDIAJOB_FINALIZER))
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  return { server, api: new DirectApi(server), log: new RecordedLog(), end, held };
}

describe('an operator that ends', () => {
  it('with its own namespace lets go of all MediaJobs that it runs, since no other will', async () => {
    const { server, api, log, end, held } = aWorld();
    end('home');
    await leaveHome(api, 'home', WATCHED, log);
    expect(held()).toEqual([]);
    expect(server.all(MediaJobs).every(({ metadata }) => metadata.finalizers?.join() === 'theirs')).toBe(true);
    expect(log.lines.at(-1)).toMatchObject({ fields: { released: 6 } });
  });

  it('for any other reason leaves them to the next one', async () => {
    const { api, log, end, held } = aWorld();
    end('team-a');
    await leaveHome(api, 'home', WATCHED, log);
    expect(held()).toHaveLength(6);
    expect(log.lines).toEqual([]);
  });

  it('lets go of what it may, and says what it may not', async () => {
    const { api, log, end, held } = aWorld();
    end('home');
    const list = api.list;
    api.list = async (kind, options) => {
      if (options?.namespace === 'home') throw new KubeApiError('may not', { status: 403, reason: 'Forbidden' });
      return list(kind, options);
    };
    await leaveHome(api, 'home', WATCHED, log);
    expect(held()).toEqual(['home/a', 'home/b']);
    expect(log.at('error')).toEqual([expect.stringMatching(/^not all MediaJobs could be let go/)]);
  });

  it('does not mind when it cannot ask', async () => {
    const { api, log, held } = aWorld();
    api.get = async () => {
      throw new KubeApiError('no answer', { status: 0, reason: 'Unreachable' });
    };
    await leaveHome(api, 'home', undefined, log);
    expect(held()).toHaveLength(6);
    expect(log.at('error')).toHaveLength(1);
  });
});

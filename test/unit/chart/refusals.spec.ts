import { describe, expect, it } from 'vitest';
import { RenderError, renderChart } from '../../../scripts/gen/chart/render.ts';

/** What Helm says of these values. */
function refusal(values: object): string {
  try {
    renderChart({ values });
  } catch (error) {
    if (error instanceof RenderError) return error.message;
    throw error;
  }
  return 'taken';
}

describe('values that are wrong', () => {
  it.each<[string, object, RegExp]>([
    ['a misspelt word', { persistance: {} }, /additional properties 'persistance' not allowed/],
    ['a misspelt word inside', { main: { replica: 2 } }, /\/main': additional properties 'replica' not allowed/],
    ['no number', { main: { replicas: 'two' } }, /\/main\/replicas': got string, want integer/],
    ['too few', { operator: { replicas: 0 } }, /\/operator\/replicas': minimum: got 0, want 1/],
    [
      'a word that is none of these',
      { main: { runtime: 'docker' } },
      /\/main\/runtime': value must be one of 'kubernetes', 'local'/,
    ],
    ['off without quotes', { operator: { kueue: false } }, /\/operator\/kueue': got boolean, want string/],
    [
      'a size that is none',
      { persistence: { media: { size: 'large' } } },
      /\/persistence\/media\/size'.*does not match pattern/,
    ],
    [
      'a model that nobody knows',
      { models: { pull: { names: ['huge'] } } },
      /\/models\/pull\/names\/0': value must be one of/,
    ],
    [
      'a setting that nobody knows',
      { main: { config: { MEDIAJOB_RATE: 1 } } },
      /additional properties 'MEDIAJOB_RATE' not allowed/,
    ],
    [
      'a setting that the chart makes itself',
      { operator: { config: { MEDIAJOB_LEASE: 'x' } } },
      /additional properties 'MEDIAJOB_LEASE' not allowed/,
    ],
    [
      'a setting of another service',
      { main: { config: { MEDIAJOB_RECONCILES: 1 } } },
      /additional properties 'MEDIAJOB_RECONCILES' not allowed/,
    ],
    [
      'a container without limits',
      { main: { resources: { requests: { cpu: 1 }, limits: null } } },
      /\/main\/resources': missing property 'limits'/,
    ],
    [
      'a field that no profile has',
      { profiles: { gpu: { transcribe: { gpus: 1 } } } },
      /\/profiles\/gpu\/transcribe': additional properties 'gpus' not allowed/,
    ],
    ['a profile whose name is none', { profiles: { 'Big GPU': {} } }, /invalid propertyName 'Big GPU'/],
    [
      'a volume of the node in a profile',
      { profiles: { x: { convert: { volumes: [{ name: 'a', mountPath: '/a', hostPath: {} }] } } } },
      /additional properties 'hostPath' not allowed/,
    ],
    ['a tenant without a namespace', { tenants: [{ media: {} }] }, /\/tenants\/0': missing property 'namespace'/],
    [
      'an access mode that is none',
      { persistence: { models: { accessModes: ['RWX'] } } },
      /\/accessModes\/0': value must be one of/,
    ],
  ])('%s: Helm names the place', (_what, values, says) => {
    expect(refusal(values)).toMatch(says);
  });

  it.each<[string, object, string]>([
    [
      'two mains with the local runtime',
      { operator: { enabled: false }, main: { runtime: 'local', replicas: 2 } },
      'main.replicas: with main.runtime: local only one main may run on a volume. Set main.replicas: 1, or main.runtime: kubernetes.',
    ],
    [
      'the local runtime beside the operator',
      { main: { runtime: 'local' } },
      "main.runtime: with local, main sweeps the volume and would remove the files of the operator's jobs. Set operator.enabled: false, or main.runtime: kubernetes.",
    ],
    [
      'the local runtime without who does the work',
      { operator: { enabled: false }, main: { runtime: 'local' }, converter: { enabled: false } },
      'converter.enabled: with main.runtime: local it does the work. Set it to true.',
    ],
    [
      'an Ingress without a host',
      { ingress: { enabled: true } },
      'ingress.hosts: name at least one host, such as media.example.com.',
    ],
    [
      'a route without a Gateway',
      { httpRoute: { enabled: true } },
      'httpRoute.parentRefs: name the Gateway, such as [{name: public, namespace: gateways}].',
    ],
    [
      'a door to nothing',
      { main: { enabled: false }, ingress: { enabled: true, hosts: ['a.example'] } },
      'ingress.enabled: there is no main to lead to. Set main.enabled: true, or ingress.enabled: false.',
    ],
    [
      'scaling the wrong way round',
      { converter: { autoscaling: { enabled: true, minReplicas: 5, maxReplicas: 2 } } },
      'converter.autoscaling: minReplicas is 5, more than maxReplicas, 2.',
    ],
    [
      'scaling by nothing',
      { transcriber: { autoscaling: { enabled: true }, resources: { requests: { cpu: null, memory: '1Gi' } } } },
      'transcriber.autoscaling: it measures by what is requested. Set transcriber.resources.requests.cpu.',
    ],
    [
      'tenants without an operator',
      { operator: { enabled: false }, tenants: [{ namespace: 'a' }] },
      'tenants and operator.watchNamespaces: there is no operator to watch them. Set operator.enabled: true, or name them in the release with the operator.',
    ],
    [
      'a tenant twice',
      { tenants: [{ namespace: 'a' }, { namespace: 'a' }] },
      'tenants: a is there already; each namespace once, and never that of the release.',
    ],
    [
      'a tenant in the namespace of the release',
      { tenants: [{ namespace: 'mediajob' }] },
      'tenants: mediajob is there already; each namespace once, and never that of the release.',
    ],
    [
      'a default model that nobody fetches',
      { models: { default: 'small' } },
      'models.default: small is not among models.pull.names. Add it there, so that it is fetched.',
    ],
    [
      'a volume for one pod',
      { persistence: { media: { accessModes: ['ReadWriteOncePod'] } } },
      'persistence.media.accessModes: services and Jobs share the volume, so ReadWriteOncePod does not do. Take ReadWriteMany.',
    ],
  ])('%s: a sentence says what to do', (_what, values, sentence) => {
    expect(refusal(values)).toContain(sentence);
  });

  it('an older Kubernetes is refused', () => {
    expect(() => renderChart({ kubeVersion: '1.30.0' })).toThrow(/requires kubeVersion: >=1.31.0-0/);
  });
});

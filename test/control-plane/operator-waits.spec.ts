import { CRD_NAME, mediaJobCrd } from '@mediajob/contract/crd';
import { Jobs, type KubeObject, type Workload, Workloads } from '@mediajob/kube';
import { findCondition } from '@mediajob/pipeline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MediaJobs } from '../../operator/src/media-job-kind.ts';
import { parseProfiles, profilesOf } from '../../operator/src/profiles.ts';
import { aMediaJob } from '../../operator/test/builders.ts';
import { CONFIG } from '../../operator/test/rig.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { PodPlayer } from '../cluster/pods.ts';
import { until } from '../cluster/until.ts';
import { OperatorWorld, startMediaJobCluster, type WorldOptions } from './operator-rig.ts';
import { workloadDefinition } from './workload-definition.ts';

let controlPlane: ControlPlane;
let world: OperatorWorld;

beforeAll(async () => {
  controlPlane = await startMediaJobCluster();
  await controlPlane.define(workloadDefinition);
});
afterAll(() => controlPlane?.stop());
afterEach(() => world?.close());

const open = async (options: Omit<WorldOptions, 'controlPlane'> = {}): Promise<OperatorWorld> => {
  world = await OperatorWorld.open({ controlPlane, ...options });
  return world;
};

describe('why is it waiting, on a real API server', () => {
  it('no node has a GPU free, and it starts when one has', async () => {
    await open({ fates: { transcribe: (player) => player.unschedulable() } });
    await world.apply();
    const status = await world.reachQueued('Unschedulable');
    expect(status.message).toMatch(/fits the profile default: .*Insufficient nvidia\.com\/gpu\. It starts by itself/);
    const pod = await world.podOf('talk-transcribe-1');
    await world.succeed(new PodPlayer(controlPlane.client, pod), pod);
    await world.reachPhase('Succeeded');
  });

  it('its image cannot be pulled', async () => {
    await open({ fates: { convert: (player) => player.imagePullBackOff() } });
    await world.apply();
    expect((await world.reachQueued('ImageUnavailable')).message).toMatch(
      /its image .*converter:1: Back-off pulling image/,
    );
    await until('people are told', async () => (await world.told()).includes('ImageUnavailable'));
  });

  it('its claim is not bound', async () => {
    const message = '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.';
    await open({ fates: { convert: (player) => player.unschedulable(message) } });
    await world.apply();
    expect((await world.reachQueued('VolumePending')).message).toContain('unbound immediate PersistentVolumeClaims');
  });

  it('the namespace’s quota has no room, until it is raised', async () => {
    await open();
    const quota = `/api/v1/namespaces/${world.namespace}/resourcequotas`;
    await controlPlane.client.create(quota, { metadata: { name: 'none' }, spec: { hard: { pods: '0' } } });
    await until('the quota counts', async () => {
      const { status } = await controlPlane.client.get<KubeObject & { status?: { hard?: object } }>(`${quota}/none`);
      return status?.hard !== undefined;
    });
    await world.apply();
    expect((await world.reachQueued('WaitingForQuota')).message).toMatch(/quota leaves no room.*exceeded quota: none/);
    await controlPlane.client.delete(`${quota}/none`);
    await world.reachPhase('Succeeded');
  });

  it('the quota has no room for another Job', async () => {
    await open();
    const quota = `/api/v1/namespaces/${world.namespace}/resourcequotas`;
    await controlPlane.client.create(quota, { metadata: { name: 'few' }, spec: { hard: { 'count/jobs.batch': '0' } } });
    await until('the quota counts', async () => {
      const { status } = await controlPlane.client.get<KubeObject & { status?: { hard?: object } }>(`${quota}/few`);
      return status?.hard !== undefined;
    });
    await world.apply();
    expect((await world.reachQueued('WaitingForQuota')).message).toMatch(/exceeded quota: few/);
    expect(await world.jobNames()).toEqual([]);
  });

  it('the profile names a RuntimeClass that there is not', async () => {
    await open({
      operator: { profiles: profilesOf(parseProfiles('profiles: {default: {convert: {runtimeClassName: nvidia}}}')) },
    });
    await world.apply();
    expect((await world.reachQueued('PodRefused')).message).toMatch(
      /RuntimeClass "nvidia" not found.*install that RuntimeClass/,
    );
  });

  it('the profile makes no pod that the API server takes', async () => {
    await open({
      operator: {
        profiles: profilesOf(
          parseProfiles(
            'profiles: {default: {convert: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: x, operator: Near}]}]}}}}}}',
          ),
        ),
      },
    });
    await world.apply();
    expect((await world.reachQueued('PodRefused')).message).toMatch(/does not take the Job talk-convert-1: .*"Near"/);
  });

  it('its ServiceAccount is missing', async () => {
    await open({ config: { jobs: { ...CONFIG.jobs, serviceAccount: 'nobody' } } });
    await world.apply();
    expect((await world.reachQueued('PodRefused')).message).toMatch(
      /serviceaccount "nobody" not found.*prepare it for MediaJobs/,
    );
  });

  it('its priority class is missing', async () => {
    await open();
    await world.apply(aMediaJob().withSpec({ priorityClass: 'urgent' }));
    expect((await world.reachQueued('PodRefused')).message).toMatch(/no PriorityClass with name urgent/);
  });

  it('another Job has its name, until it goes', async () => {
    await open();
    const { namespace } = world;
    await world.api.create(Jobs, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'talk-convert-1', namespace },
      spec: { suspend: true, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'x', image: 'x' }] } } },
    });
    await world.apply();
    expect((await world.reachQueued('NameConflict')).message).toMatch(
      /Job talk-convert-1 that belongs to something else/,
    );
    await world.api.delete(Jobs, { namespace, name: 'talk-convert-1' }, { propagationPolicy: 'Background' });
    await world.patch({ metadata: { labels: { look: 'again' } } });
    await world.reachPhase('Succeeded');
  });

  it('its profile is missing, until it comes', async () => {
    const listeners: (() => void)[] = [];
    let profiles = profilesOf({ profiles: {} });
    await open({
      operator: {
        profiles: {
          pod: (name, stage) => profiles.pod(name, stage),
          get names() {
            return profiles.names;
          },
          onChange: (listener) => void listeners.push(listener),
        },
      },
    });
    await world.apply(aMediaJob().withSpec({ profile: 'gpu' }));
    const status = await world.reachQueued('ProfileNotFound');
    expect(findCondition(status.conditions, 'Accepted')).toMatchObject({ status: 'False', reason: 'ProfileNotFound' });
    profiles = profilesOf({ profiles: { gpu: {} } });
    for (const listener of listeners) listener();
    await world.reachPhase('Succeeded');
  });

  it('a spec of a newer version is refused with its field, and its runs are left alone when it has some', async () => {
    await open({ fates: { convert: (player) => player.running() } });
    const { namespace, api } = world;
    await world.apply(aMediaJob(), 'old');
    await world.reachPhase('Converting', 'old');
    // Somebody has upgraded the definition, and the operator is still the old one.
    await world.operator.stop();
    const newer = mediaJobCrd();
    const [version] = newer.spec.versions;
    const spec = version?.schema.openAPIV3Schema.properties?.spec;
    if (spec?.properties === undefined) throw new Error('the definition has no spec');
    Object.assign(spec.properties, { speed: { type: 'integer' } });
    await controlPlane.client.patch(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${CRD_NAME}`, {
      spec: { versions: [version] },
    });
    const given = { source: { path: 'inbox/a.mp3' }, transcribe: {}, speed: 2 };
    await until('the new definition is served', async () => {
      const draft = { apiVersion: MediaJobs.apiVersion, kind: MediaJobs.kind };
      const made = await api.create(MediaJobs, { ...draft, metadata: { name: 'talk', namespace }, spec: given });
      if ((made.spec as { speed?: number }).speed === 2) return true;
      await world.delete();
      return false;
    });
    await world.patch({ spec: { speed: 2 } }, 'old');
    world.startOperator();
    const status = await world.reachPhase('Failed');
    expect(status.message).toMatch(/^spec: .*speed.*Make a new job without it\.$/);
    expect(findCondition(status.conditions, 'Accepted')).toMatchObject({ status: 'False', reason: 'InvalidSpec' });
    const running = await world.reach(
      ({ conditions }) => findCondition(conditions, 'Accepted')?.reason === 'InvalidSpec',
      'old',
    );
    expect(running.phase).toBe('Converting');
    expect((await world.reachJob('old-convert-1')).spec.suspend).toBe(false);
  });
});

describe('a queue', () => {
  /** Kueue in one’s hands: what it does to a Job with its label. */
  async function held(name: string): Promise<Workload> {
    const { namespace, api } = world;
    const job = await world.reachJob(name);
    await api.patch(Jobs, { namespace, name }, { type: 'merge', body: { spec: { suspend: true } } });
    const { uid } = job.metadata;
    return api.create(Workloads, {
      apiVersion: Workloads.apiVersion,
      kind: Workloads.kind,
      metadata: {
        name: `job-${name}`,
        namespace,
        ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: true }],
      },
      spec: { queueName: 'gpus', active: true },
    });
  }
  const say = (workload: Workload, type: string, status: 'True' | 'False', message: string) =>
    world.api.patch(
      Workloads,
      { namespace: world.namespace, name: workload.metadata.name },
      {
        type: 'merge',
        body: {
          status: {
            conditions: [{ type, status, reason: 'Pending', message, lastTransitionTime: new Date().toISOString() }],
          },
        },
      },
      { subresource: 'status' },
    );

  it('says why it waits, and lets it run when its turn comes', async () => {
    await open({ kubelet: false, operator: { kueue: true } });
    await world.apply(aMediaJob().withSpec({ queue: { convert: 'cpus' } }));
    const workload = await held('talk-convert-1');
    await say(workload, 'QuotaReserved', 'False', 'insufficient unused quota for cpu in flavor default');
    const status = await world.reachQueued('WaitingForQuota');
    await world.reach(({ message }) => message.includes('insufficient unused quota for cpu'));
    expect(status.message).toMatch(/waits in the queue cpus/);
    await say(workload, 'QuotaReserved', 'True', 'Quota reserved');
    await world.api.patch(
      Jobs,
      { namespace: world.namespace, name: 'talk-convert-1' },
      { type: 'merge', body: { spec: { suspend: false } } },
    );
    world.startKubelet();
    await world.reachPhase('Succeeded');
  });

  it('is told to let go: a suspended MediaJob makes its Workload inactive, and lets Kueue suspend the Job', async () => {
    await open({ operator: { kueue: true }, fates: { convert: (player) => player.running() } });
    await world.apply(aMediaJob().withSpec({ queue: { convert: 'cpus' } }));
    const { namespace, api } = world;
    const workload = await held('talk-convert-1');
    await api.patch(Jobs, { namespace, name: 'talk-convert-1' }, { type: 'merge', body: { spec: { suspend: false } } });
    await world.reachPhase('Converting');
    await world.patch({ spec: { suspend: true } });
    const stopped = await until('its Workload is inactive', async () => {
      const found = await api.get(Workloads, { namespace, name: workload.metadata.name });
      return found.spec.active === false && found;
    });
    expect(stopped.spec.queueName).toBe('gpus');
    expect((await world.reachJob('talk-convert-1')).spec.suspend).toBe(false);
    await api.patch(Jobs, { namespace, name: 'talk-convert-1' }, { type: 'merge', body: { spec: { suspend: true } } });
    await world.patch({ spec: { suspend: false } });
    await world.reachJob('talk-convert-1-0-2');
  });
});

describe('restricted Pod Security', () => {
  it('lets every pod of a MediaJob in, its cleanup too', async () => {
    await open({ labels: { 'pod-security.kubernetes.io/enforce': 'restricted' }, chunks: 4 });
    await world.apply(aMediaJob().withSpec({ convert: { renditions: [{ format: 'mp3' }] } }));
    await world.reachPhase('Succeeded');
    await world.delete();
    await world.reachGone();
    expect((await world.eventsAbout('Job')).filter((message) => /PodSecurity/.test(message))).toEqual([]);
  });

  it('that refuses a pod is the reason why a job waits, until the pod is as it should be', async () => {
    await open({ labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } });
    const { client } = controlPlane;
    const policies = '/apis/admissionregistration.k8s.io/v1';
    // As an injector of sidecars does it: what we make is allowed, and what becomes of it is not.
    const name = `host-network-in-${world.namespace}`;
    await client.create(`${policies}/mutatingadmissionpolicies`, {
      metadata: { name },
      spec: {
        matchConstraints: {
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        },
        reinvocationPolicy: 'Never',
        mutations: [
          {
            patchType: 'ApplyConfiguration',
            applyConfiguration: { expression: 'Object{spec: Object.spec{hostNetwork: true}}' },
          },
        ],
      },
    });
    await client.create(`${policies}/mutatingadmissionpolicybindings`, {
      metadata: { name },
      spec: {
        policyName: name,
        matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': world.namespace } } },
      },
    });
    // It takes a moment until the API server heeds it.
    const pod = {
      metadata: { name: 'tried-out' },
      spec: { containers: [{ name: 'x', image: 'x' }] },
    };
    await until('pods get the host’s network', async () => {
      const tried = client.create(`/api/v1/namespaces/${world.namespace}/pods?dryRun=All`, pod);
      return tried.then(
        () => false,
        (error: unknown) => /hostNetwork/.test(String(error)),
      );
    });
    await world.apply();
    expect((await world.reachQueued('PodRefused')).message).toMatch(
      /violates PodSecurity "restricted:latest": host namespaces \(hostNetwork=true\).*level restricted/,
    );
    expect((await world.eventsAbout('Job')).some((message) => /violates PodSecurity/.test(message))).toBe(true);
    await client.delete(`${policies}/mutatingadmissionpolicybindings/${name}`);
    await client.delete(`${policies}/mutatingadmissionpolicies/${name}`);
    await world.reachPhase('Succeeded');
  });
});

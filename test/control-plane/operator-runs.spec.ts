import { systemClock } from '@mediajob/kube';
import { findCondition } from '@mediajob/pipeline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { JobAnnotation } from '../../operator/src/labels.ts';
import { MediaJobs } from '../../operator/src/media-job-kind.ts';
import { startOperator } from '../../operator/src/start-operator.ts';
import { aMediaJob } from '../../operator/test/builders.ts';
import { CONFIG } from '../../operator/test/rig.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { type Pod, PodPlayer } from '../cluster/pods.ts';
import { until } from '../cluster/until.ts';
import { indexOf, OperatorWorld, startMediaJobCluster, type WorldOptions } from './operator-rig.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
let controlPlane: ControlPlane;
let world: OperatorWorld;

beforeAll(async () => {
  controlPlane = await startMediaJobCluster();
});
afterAll(() => controlPlane?.stop());
afterEach(() => world?.close());

const open = async (options: Omit<WorldOptions, 'controlPlane'> = {}): Promise<OperatorWorld> => {
  world = await OperatorWorld.open({ controlPlane, ...options });
  return world;
};

const failed = (exitCode: number, reason: string, message: string) =>
  JSON.stringify({ failure: { exitCode, reason, message } });

describe('a MediaJob on a real API server', () => {
  it('is converted and transcribed, with its outputs and its story', async () => {
    await open();
    await world.apply();
    const status = await world.reachPhase('Succeeded');
    expect(status).toMatchObject({
      progress: { percent: 100, text: '100%' },
      outputs: [{ name: 'transcript.json', format: 'json', bytes: 10 }],
      language: 'en',
      observedGeneration: 1,
    });
    expect(status.stages.map(({ state, percent }) => `${state} ${percent}`)).toEqual(Array(3).fill('Succeeded 100'));
    expect(await world.jobNames()).toEqual(['talk-convert-1', 'talk-transcribe-1']);
    await until('its Jobs are let go', async () =>
      (await world.jobs()).every(
        (job) =>
          job.spec.ttlSecondsAfterFinished === 3600 && job.metadata.annotations?.[JobAnnotation.recorded] === 'true',
      ),
    );
    await until('its events are told', async () => (await world.told()).includes('Succeeded'));
    const told = await world.told();
    expect(told).toEqual(expect.arrayContaining(['Accepted', 'StageStarted', 'StageFinished']));
    // Each Job is as it would be made today.
    expect(told).not.toContain('TemplateChanged');
  });

  it('fails at once when the media is none', async () => {
    await open({
      fates: { convert: (player) => player.failed(65, failed(65, 'UnsupportedMedia', 'There is no audio in it.')) },
    });
    await world.apply();
    const status = await world.reachPhase('Failed');
    expect(status.message).toBe('The conversion failed: There is no audio in it.');
    expect(findCondition(status.conditions, 'Failed')).toMatchObject({ reason: 'UnsupportedMedia' });
    expect((await world.jobs())[0]?.status?.conditions?.find(({ type }) => type === 'Failed')?.reason).toBe(
      'PodFailurePolicy',
    );
  });

  it('fails at once when prepare finds no source', async () => {
    await open({
      fates: { convert: (player) => player.initFailed(66, failed(66, 'InputNotFound', 'There is no such file.')) },
    });
    await world.apply();
    expect((await world.reachPhase('Failed')).message).toBe('The conversion failed: There is no such file.');
  });

  it('gets more memory when it had too little', async () => {
    let tries = 0;
    await open({
      fates: {
        convert: async (player, pod) => {
          tries += 1;
          if (tries > 1) return world.succeed(player, pod);
          await player.running();
          await player.oomKilled();
        },
      },
    });
    await world.apply();
    const status = await world.reachPhase('Succeeded');
    expect(status.attempts).toMatchObject([{ stage: 'convert', reason: 'OutOfMemory', counted: true }]);
    const again = (await world.jobs()).find(({ metadata }) => metadata.name === 'talk-convert-1-0-2');
    expect(again?.spec.template.spec.containers[0]?.resources?.limits?.memory).toBe('3Gi');
  });

  it('is not harmed by a preemption: the Job makes another pod', async () => {
    let pods = 0;
    await open({
      fates: {
        transcribe: async (player, pod) => {
          pods += 1;
          if (pods > 1) return world.succeed(player, pod);
          await player.running();
          await player.disrupted();
        },
      },
    });
    await world.apply(aMediaJob().withSpec({ retries: 0 }));
    const status = await world.reachPhase('Succeeded');
    expect(pods).toBe(2);
    expect(status.attempts).toEqual([]);
    expect(await world.jobNames()).toEqual(['talk-convert-1', 'talk-transcribe-1']);
  });

  it('is tried again, and in the end fails with the last cause', async () => {
    await open({ fates: { convert: (player) => player.failed(75, failed(75, 'Temporary', 'hiccup')) } });
    await world.apply(aMediaJob().withSpec({ retries: 1 }));
    const status = await world.reachPhase('Failed');
    expect(findCondition(status.conditions, 'Failed')).toMatchObject({ reason: 'RetriesExhausted' });
    expect(status.message).toMatch(/failed twice, the last time with Temporary: hiccup\./);
    expect(await world.jobNames()).toEqual(['talk-convert-1', 'talk-convert-1-0-2']);
  });

  it('waits for a model that is not there, says so, and goes on by itself', async () => {
    let there = false;
    await open({
      fates: {
        transcribe: async (player, pod) => {
          if (there) return world.succeed(player, pod);
          await player.failed(78, failed(78, 'ModelNotFound', 'There is no model base on this volume.'));
        },
      },
    });
    await world.apply(aMediaJob().withSpec({ retries: 0 }));
    const waiting = await world.reachQueued('ModelMissing');
    expect(waiting.message).toMatch(/no model base on this volume\. Install the model, and .* goes on by itself/);
    there = true;
    expect((await world.reachPhase('Succeeded')).attempts).toMatchObject([{ reason: 'ModelNotFound', counted: false }]);
  });

  it.each([
    ['url', { url: 'https://example.com/talk.mp3' }],
    ['s3', { s3: { bucket: 'talks', key: 'talk.mp3' } }],
  ])('is not run when its source is a %s, which nothing fetches yet', async (_, source) => {
    await open();
    const { namespace, api } = world;
    await api.create(MediaJobs, {
      apiVersion: MediaJobs.apiVersion,
      kind: MediaJobs.kind,
      metadata: { name: 'talk', namespace },
      spec: { source, transcribe: {} },
    });
    const { conditions } = await world.reachPhase('Failed');
    expect(findCondition(conditions, 'Accepted')).toMatchObject({ status: 'False', reason: 'SourceNotAllowed' });
    expect(await world.jobNames()).toEqual([]);
  });

  it('ends at its deadline, and its pods with it', async () => {
    await open({ fates: { convert: (player) => player.running() } });
    await world.apply(aMediaJob().withSpec({ activeDeadlineSeconds: 2 }));
    const status = await world.reachPhase('Failed');
    expect(findCondition(status.conditions, 'Failed')).toMatchObject({ reason: 'DeadlineExceeded' });
    await until('no Job is left to run', async () => (await world.jobNames()).length === 0);
  });

  it('is transcribed in shards, of which one fails and is tried again', async () => {
    const seen: string[] = [];
    await open({
      chunks: 6,
      fates: {
        transcribe: async (player, pod) => {
          seen.push(`${pod.metadata.labels?.['mediajob.io/try']}/${indexOf(pod) ?? 'alone'}`);
          if (indexOf(pod) !== 1) return world.succeed(player, pod);
          await player.running();
          await player.failed(75, failed(75, 'Temporary', 'hiccup'));
        },
      },
    });
    await world.apply(aMediaJob().withSpec({ transcribe: { parallelism: 2 } }));
    const status = await world.reachPhase('Succeeded');
    expect(seen.sort()).toEqual(['1/0', '1/1', '1/2', '2/alone']);
    expect(status.stages.find(({ name }) => name === 'transcribe')).toMatchObject({ shards: 3, shardsDone: 3 });
    expect(status.attempts).toMatchObject([{ stage: 'transcribe', shard: 1, reason: 'Temporary' }]);
    await until('its end is told', async () => (await world.told()).includes('Succeeded'));
    expect(await world.told()).not.toContain('TemplateChanged');
    expect(await world.jobNames()).toEqual([
      'talk-convert-1',
      'talk-finalize-1',
      'talk-transcribe-1',
      'talk-transcribe-1-1-2',
    ]);
  });

  it('fails with a shard that fails for good, and stops the others', async () => {
    await open({
      chunks: 6,
      fates: {
        transcribe: async (player, pod) => {
          await player.running();
          if (indexOf(pod) === 1) await player.failed(65, failed(65, 'UnsupportedMedia', 'no'));
        },
      },
    });
    await world.apply();
    await world.reachPhase('Failed');
    await until('the others have ended', async () => (await world.jobNames()).join() === 'talk-convert-1');
  });
});

describe('a person', () => {
  it('suspends and resumes: what runs ends, and goes on under another name', async () => {
    let first = true;
    await open({
      fates: {
        transcribe: async (player, pod) => {
          if (!first) return world.succeed(player, pod);
          first = false;
          await player.running();
        },
      },
    });
    await world.apply();
    await world.reachPhase('Transcribing');
    await world.patch({ spec: { suspend: true } });
    await world.reachPhase('Suspended');
    await until('no pod runs', async () => {
      const job = (await world.jobs()).find(({ metadata }) => metadata.name === 'talk-transcribe-1');
      return job?.status?.active === undefined || job.status.active === 0;
    });
    expect((await world.status()).attempts).toEqual([]);
    await world.patch({ spec: { suspend: false } });
    const status = await world.reachPhase('Succeeded');
    expect(status.attempts).toEqual([]);
    expect(await world.jobNames()).toEqual(['talk-convert-1', 'talk-transcribe-1-0-2']);
  });

  it('cancels mid-way and retries: a new attempt', async () => {
    let cancelled = false;
    await open({
      fates: {
        transcribe: async (player, pod) => (cancelled ? world.succeed(player, pod) : player.running()),
      },
    });
    await world.apply();
    await world.reachPhase('Transcribing');
    await world.patch({ spec: { cancel: true } });
    const status = await world.reachPhase('Cancelled');
    expect(findCondition(status.conditions, 'Failed')).toMatchObject({ status: 'True', reason: 'Cancelled' });
    await until('its pod has ended', async () => !(await world.jobNames()).includes('talk-transcribe-1'));
    cancelled = true;
    await world.patch({ spec: { cancel: false }, metadata: { annotations: { 'mediajob.io/retry': 'a' } } });
    const after = await world.reachPhase('Succeeded');
    expect(after).toMatchObject({ attempt: 2, retryToken: 'a', progress: { percent: 100 } });
    expect(await world.jobNames()).toEqual(expect.arrayContaining(['talk-convert-2', 'talk-transcribe-2']));
  });

  it('pauses, and nothing is done meanwhile', async () => {
    await open({ fates: { convert: (player) => player.running() } });
    await world.apply();
    await world.reachPhase('Converting');
    await world.patch({ metadata: { annotations: { 'mediajob.io/pause': 'true' } }, spec: { cancel: true } });
    await world.reach(({ conditions }) => findCondition(conditions, 'Queued')?.reason === 'Paused');
    expect((await world.status()).phase).toBe('Converting');
    await world.patch({ metadata: { annotations: { 'mediajob.io/pause': null } } });
    await world.reachPhase('Cancelled');
  });

  it('gives it a short life after its end', async () => {
    await open();
    await world.apply(aMediaJob().withSpec({ ttlSecondsAfterFinished: 1 }));
    await world.reachGone();
    expect((await world.jobNames()).some((name) => name.startsWith('talk-cleanup-'))).toBe(true);
  });
});

describe('a node that is lost', () => {
  it('is named, and its work is done elsewhere', async () => {
    await open({
      config: { nodeLostAfterMs: 3_000 },
      fates: { convert: async (player, pod) => (isFirst(pod) ? player.running() : world.succeed(player, pod)) },
      // Its kubelet never says another word.
      onDeletion: async () => {},
    });
    const isFirst = (pod: Pod) => pod.metadata.labels?.['mediajob.io/try'] === '1';
    await world.apply();
    await world.reachPhase('Converting');
    const pod = await world.podOf('talk-convert-1');
    await controlPlane.client.delete(`/api/v1/namespaces/${world.namespace}/pods/${pod.metadata.name}`, {
      gracePeriodSeconds: 1,
    });
    const status = await world.reachPhase('Succeeded');
    expect(status.attempts).toMatchObject([
      { reason: 'WorkerLost', counted: false, message: expect.stringMatching(/node-1/) },
    ]);
    await until('the first Job is gone', async () => !(await world.jobNames()).includes('talk-convert-1'));
    // The node comes back; what is left of its pod goes.
    await new PodPlayer(controlPlane.client, pod).finishDeletion();
  });
});

describe('an operator', () => {
  it('sees to several namespaces and leaves others alone, or sees to all', async (context) => {
    const worlds = await Promise.all([1, 2, 3].map(() => OperatorWorld.open({ controlPlane })));
    context.onTestFinished(async () => void (await Promise.all(worlds.map((it) => it.close()))));
    await Promise.all(worlds.map((it) => it.operator.stop()));
    const [one, two, other] = worlds as [OperatorWorld, OperatorWorld, OperatorWorld];
    for (const it of worlds) await it.apply();
    const several = one.startOperator(one.api, { namespaces: [one.namespace, two.namespace] });
    await Promise.all([one.reachPhase('Succeeded'), two.reachPhase('Succeeded')]);
    expect(await other.jobNames()).toEqual([]);
    expect((await other.status()).conditions).toEqual([]);
    await several.stop();

    const environment = { clock: systemClock, random: Math.random, log: quiet };
    const all = startOperator({ api: other.api, environment, config: CONFIG });
    context.onTestFinished(async () => void (await all.stop()));
    await other.reachPhase('Succeeded');
  });
});

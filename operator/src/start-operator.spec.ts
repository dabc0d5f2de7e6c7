import { Events, type KubeLogger } from '@mediajob/kube';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { Process } from '../../packages/kube/test/memory-api/index.js';
import { aMediaJob, NAMESPACE } from '../test/builders.js';
import { CONFIG } from '../test/rig.js';
import { SimulatedCluster } from '../test/simulated-cluster.js';
import { MediaJobs } from './media-job-kind.js';
import { type OperatorOptions, startOperator } from './start-operator.js';

const WAIT = 60_000;

function operatorOf(process: Process, options: Partial<OperatorOptions> = {}) {
  return startOperator({ api: process.api, environment: process.environment, config: CONFIG, ...options });
}

const election = (identity: string) => ({ namespace: NAMESPACE, name: 'mediajob-operator', identity });

describe('the operator as a whole, in a simulated cluster', () => {
  it(
    'runs a MediaJob to its end, tells of it, and comes to rest',
    async () => {
      const cluster = new SimulatedCluster();
      const process = cluster.world.process('operator');
      const registry = new Registry();
      operatorOf(process, { registry });
      cluster.apply();
      await cluster.reach('Succeeded');
      expect(cluster.status()).toMatchObject({ progress: { percent: 100 }, outputs: [{ name: 'transcript.json' }] });
      await cluster.world.simulation.runFor(60_000);
      const reasons = cluster.world.server.all(Events).map(({ reason }) => reason);
      expect(reasons).toEqual(expect.arrayContaining(['Accepted', 'StageStarted', 'StageFinished', 'Succeeded']));
      const text = await registry.metrics();
      expect(text).toContain('mediajob_jobs{phase="Succeeded"} 1');
      expect(text).toMatch(/mediajob_stage_duration_seconds_count\{stage="convert"\} 1/);
      expect(text).toMatch(/mediajob_queue_wait_seconds_count\{stage="transcribe"\} 1/);
      expect(text).toMatch(/mediajob_realtime_factor_count 1/);
      const writes = process.api.writes.length;
      await cluster.world.simulation.runFor(3_600_000);
      expect(process.api.writes.length).toBe(writes);
    },
    WAIT,
  );

  it(
    'runs each shard once, and what fails again',
    async () => {
      let failed = false;
      const cluster = new SimulatedCluster({
        chunks: 6,
        fate: (pod, request) => {
          if (request.stage !== 'transcribe' || failed || !pod.metadata.name.includes('-1-')) return undefined;
          failed = true;
          return { exitCode: 75 };
        },
      });
      operatorOf(cluster.world.process('operator'));
      cluster.apply(aMediaJob().withSpec({ transcribe: { parallelism: 2 } }));
      await cluster.reach('Succeeded');
      expect(failed).toBe(true);
      const runs = Object.fromEntries(cluster.started);
      expect(Object.values(runs).every((count) => count === 1)).toBe(true);
      expect(Object.keys(runs).filter((name) => name.startsWith('talk-transcribe'))).toHaveLength(4);
    },
    WAIT,
  );

  it(
    'goes on in another replica when the leader dies, and nothing is done twice',
    async () => {
      const cluster = new SimulatedCluster({ runMs: 40_000 });
      const first = cluster.world.process('operator-1');
      operatorOf(first, { election: election('one') });
      cluster.apply();
      await cluster.reach('Converting');
      const second = cluster.world.process('operator-2', { offsetMs: -90_000 });
      operatorOf(second, { election: election('two') });
      cluster.world.kill(first);
      await cluster.reach('Succeeded');
      expect(Object.fromEntries(cluster.started)).toEqual({ 'talk-convert-1/': 1, 'talk-transcribe-1/': 1 });
      expect(second.api.writes.length).toBeGreaterThan(0);
    },
    WAIT,
  );

  it(
    'hands over in order: the Lease is free at once',
    async () => {
      const cluster = new SimulatedCluster({ runMs: 40_000 });
      const { simulation } = cluster.world;
      const first = operatorOf(cluster.world.process('operator-1'), { election: election('one') });
      cluster.apply();
      await cluster.reach('Converting');
      const second = cluster.world.process('operator-2');
      const other = operatorOf(second, { election: election('two') });
      await simulation.run(() => other.manager.ready);
      expect(other.manager.leading).toBe(false);
      const before = simulation.now;
      let ended = false;
      void first.stop().then(() => {
        ended = true;
      });
      await simulation.run(() => ended && other.manager.leading);
      expect(simulation.now - before).toBeLessThan(15_000);
      await cluster.reach('Succeeded');
      expect(Object.values(Object.fromEntries(cluster.started))).toEqual([1, 1]);
    },
    WAIT,
  );

  it(
    'is cut off from the server and comes back',
    async () => {
      const cluster = new SimulatedCluster();
      const process = cluster.world.process('operator');
      operatorOf(process);
      cluster.apply();
      await cluster.reach('Converting');
      process.api.cutWatches(MediaJobs);
      cluster.world.server.compact();
      process.api.cutWatches(MediaJobs);
      await cluster.reach('Succeeded');
      expect(Object.values(Object.fromEntries(cluster.started))).toEqual([1, 1]);
    },
    WAIT,
  );

  it(
    'removes the files of a deleted MediaJob, and looks at those of its namespaces only',
    async () => {
      const cluster = new SimulatedCluster();
      const process = cluster.world.process('operator');
      const lines: string[] = [];
      const log: KubeLogger = {
        debug() {},
        info() {},
        warn: (_, line) => void lines.push(line),
        error: (_, line) => void lines.push(line),
      };
      operatorOf(process, { environment: { ...process.environment, log }, namespaces: [NAMESPACE] });
      cluster.apply();
      await cluster.reach('Transcribing');
      cluster.world.server.delete(
        MediaJobs,
        { namespace: NAMESPACE, name: 'talk' },
        { propagationPolicy: 'Background' },
      );
      await cluster.world.simulation.run(() => cluster.status() === undefined);
      expect([...cluster.started.keys()].some((name) => name.startsWith('talk-cleanup-'))).toBe(true);
      expect(
        process.api.calls
          .filter((it) => it.verb === 'list' && it.resource === 'mediajobs')
          .every((it) => it.key === NAMESPACE),
      ).toBe(true);
      expect(lines).toEqual([]);
    },
    WAIT,
  );
});

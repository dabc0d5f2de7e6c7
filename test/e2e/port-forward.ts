import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { kubeProgram } from '../cluster/programs.ts';
import { until } from '../cluster/until.ts';
import type { Release } from './release.ts';

/** A loopback port that leads to a port of a pod or Service, until `close`. */
export async function portForward(
  { cluster, namespace }: Release,
  target: string,
  port: number,
): Promise<{ port: number; close: () => Promise<void> }> {
  const args = [`--kubeconfig=${cluster.kubeconfig}`, '-n', namespace, 'port-forward', target, `:${port}`];
  const child = spawn(kubeProgram('kubectl'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  const local = await until(
    `port ${port} of ${target} is forwarded`,
    () => {
      if (child.exitCode !== null) throw new Error(`kubectl port-forward: ${said}`);
      return Number(/Forwarding from 127\.0\.0\.1:(\d+)/.exec(said)?.[1]) || undefined;
    },
    { explain: () => said },
  );
  return {
    port: local,
    close: async () => {
      const gone = once(child, 'exit');
      if (child.exitCode !== null || !child.kill()) return;
      await gone;
    },
  };
}

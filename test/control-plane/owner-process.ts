// A process that owns a control plane and is killed by rig.spec.ts: tells what it started, and never ends by itself.
import { startControlPlane } from '../cluster/control-plane.ts';

const controlPlane = await startControlPlane();
process.stdout.write(`${JSON.stringify({ pids: controlPlane.pids(), directory: controlPlane.directory })}\n`);
setInterval(() => {}, 60_000);

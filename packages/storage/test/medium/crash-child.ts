// Writes one file by operations of which the given one ends this process. argv: path, at, fault, ifAbsent
import { writeFileAtomic } from '../../src/atomic-write.js';
import { type Fault, FaultPlan } from '../fixtures/fault-plan.js';

const [path = '', at = '0', fault = 'kill', ifAbsent] = process.argv.slice(2);
await writeFileAtomic(path, 'new'.repeat(500_000), {
  runId: 'crashing-run',
  ifAbsent: ifAbsent === 'if-absent',
  files: new FaultPlan({ at: Number(at), fault: fault as Fault }),
});

import { RunMeter } from '@mediajob/service/usage';
import { runJob } from '@mediajob/steps';

// What this pod makes on the volume, its group may change: other pods of the job may run under another user.
process.umask(0o007);
// The same step functions as the server's tasks; what it prints and its exit code are the contract with Kubernetes.
process.exitCode = await runJob(process.argv.slice(2), process.env, { meter: new RunMeter() });

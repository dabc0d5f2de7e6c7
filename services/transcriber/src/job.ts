import { runJob } from '@mediajob/steps';

// The same step functions as the server's tasks; what it prints and its exit code are the contract with Kubernetes.
process.exitCode = await runJob(process.argv.slice(2), process.env);

import { prepare } from '@mediajob/steps';

// What this pod makes on the volume, its group may change: other pods of the job may run under another user.
process.umask(0o007);
process.exitCode = await prepare(process.argv.slice(2), process.env);

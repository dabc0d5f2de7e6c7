import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { KubeClient, type Resource, StatusError } from '../../kube-client.ts';
import { Followed, oneAtATime } from '../followed.ts';
import { type ClaimObject, localVolume, PROVISIONER, wantsVolume } from './local-volume.ts';

// node volumes.ts KUBECONFIG DIRECTORY NODE: makes a volume for every claim of our class, and removes it with its files when it
// is released, until it is killed.

const [kubeconfig, directory, nodeName] = process.argv.slice(2);
if (kubeconfig === undefined || directory === undefined || nodeName === undefined)
  throw new Error('usage: node volumes.ts KUBECONFIG DIRECTORY NODE');
const client = await KubeClient.of(kubeconfig);

interface Volume extends Resource {
  spec: { local?: { path: string }; claimRef?: { uid: string } };
  status?: { phase?: string };
}

const VOLUMES = '/api/v1/persistentvolumes';

const work = oneAtATime(async () => {
  if (!claims.isKnown || !volumes.isKnown) return;
  const made = new Set(volumes.all().map((it) => it.spec.claimRef?.uid));
  for (const claim of claims.all().filter(wantsVolume)) {
    if (made.has(claim.metadata.uid)) continue;
    const volume = localVolume(claim, { directory, nodeName });
    mkdirSync(volume.spec.local.path, { recursive: true });
    await client.create(VOLUMES, volume).catch((error: unknown) => {
      if (!(error instanceof StatusError && error.reason === 'AlreadyExists')) throw error;
    });
  }
  for (const { metadata, spec, status } of volumes.all()) {
    const path = spec.local?.path;
    const isOurs = metadata.annotations?.['pv.kubernetes.io/provisioned-by'] === PROVISIONER;
    if (!isOurs || path === undefined || dirname(path) !== directory || !RELEASED.includes(status?.phase ?? ''))
      continue;
    rmSync(path, { recursive: true, force: true });
    await client.delete(`${VOLUMES}/${metadata.name}`).catch((error: unknown) => {
      if (!(error instanceof StatusError && error.status === 404)) throw error;
    });
  }
});

// Failed: Kubernetes itself has no way to delete a local volume, tries, and says so.
const RELEASED = ['Released', 'Failed'];

const claims = new Followed<Resource & ClaimObject>(client, '/api/v1/persistentvolumeclaims', work);
const volumes = new Followed<Volume>(client, VOLUMES, work);
await Promise.all([claims.follow(), volumes.follow()]);

import { ensurePrograms, findProgram } from './setup/system-packages.ts';

/** What building images without Docker and without a registry needs of the system. Quick when it is there. */
export function setUpImages(): void {
  if (findProgram('buildah') && findProgram('debootstrap')) return;
  ensurePrograms(['buildah', 'debootstrap'], 'building images');
}

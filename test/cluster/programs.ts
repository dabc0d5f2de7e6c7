import { accessSync, constants, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type KUBE_PROGRAMS, kubeBinary } from '../../scripts/setup/kube.ts';

export type KubeProgram = (typeof KUBE_PROGRAMS)[number];

/**
 * Path of a program of the control plane: in KUBEBUILDER_ASSETS when that is set (binaries that somebody else built),
 * else beside MEDIAJOB_KUBE_BIN or the set-up's own build.
 * @throws Error that says which command brings it
 */
export function kubeProgram(name: KubeProgram): string {
  const assets = process.env.KUBEBUILDER_ASSETS;
  if (assets) {
    const path = join(assets, name);
    if (isProgram(path)) return path;
    throw new Error(
      `KUBEBUILDER_ASSETS is ${assets}, and there is no ${name} in it. ` +
        'Unset it to use a build of all programs: npm run test:control-plane brings that.',
    );
  }
  const binary = process.env.MEDIAJOB_KUBE_BIN || kubeBinary();
  if (!existsSync(binary))
    throw new Error(`${binary} is not there. "npm run setup -- --tests" builds it; npm run test:control-plane too.`);
  const path = join(dirname(binary), name);
  if (!isProgram(path)) throw new Error(`there is no ${name} beside ${binary}`);
  return path;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

import { setUpImages } from '../setup-images.ts';
import { isOfTheBase } from './base.ts';
import { type BuiltImage, buildImages } from './build-images.ts';

/**
 * Images for a cluster on this machine, without a registry: what this checkout has compiled already is not compiled again.
 * With MEDIAJOB_IMAGES=portable they are the very ones of `npm run images`, whose engine takes minutes.
 *
 * @throws SetupError
 */
export function imagesOfTheRig(env: NodeJS.ProcessEnv = process.env): Promise<BuiltImage[]> {
  setUpImages();
  const isPortable = env.MEDIAJOB_IMAGES === 'portable' || !isOfTheBase();
  return buildImages({
    tool: 'buildah',
    base: 'debootstrap',
    programs: isPortable ? 'inside' : 'outside',
    engine: isPortable ? 'portable' : 'machine',
  });
}

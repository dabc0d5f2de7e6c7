import { checkVolume } from '@mediajob/storage';
import { z } from 'zod';

/** As much of a worker's /health as tells its volume. */
const Health = z.looseObject({
  details: z
    .looseObject({ volume: z.looseObject({ status: z.string(), volumeId: z.string().optional() }).optional() })
    .optional(),
});

/**
 * The media volume that main works on, told from every other one by its marker. A worker that was started over a
 * directory where nothing is mounted is well by itself, and would find none of our files.
 */
export class OwnVolume {
  readonly #root: string;
  #id: string | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** @returns undefined while the volume cannot be read */
  async id(): Promise<string | undefined> {
    this.#id ??= await checkVolume(this.#root).then(
      ({ id }) => id,
      () => undefined,
    );
    return this.#id;
  }

  /**
   * @param health body of a worker's /health
   * @returns whether the worker is well and works on another volume than ours
   */
  async isAnother(health: unknown): Promise<boolean> {
    const theirs = volumeIn(health)?.volumeId;
    const own = theirs === undefined ? undefined : await this.id();
    return own !== undefined && own !== theirs;
  }

  /**
   * @param health body of a worker's /health
   * @returns whether the worker would not find our files: its volume is another one, or none at all
   */
  async isMissing(health: unknown): Promise<boolean> {
    return volumeIn(health)?.status === 'down' || (await this.isAnother(health));
  }
}

function volumeIn(health: unknown) {
  return Health.safeParse(health).data?.details?.volume;
}

/** For people: what is wrong with a worker on another volume, and what to do next. */
export const OTHER_VOLUME =
  'It works on another media volume than main and would not find its files, so it is given no work. Is the volume mounted there? Mount it, or give it main’s MEDIAJOB_DATA_DIR, and start it again.';

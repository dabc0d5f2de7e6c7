import type { FileHandle } from 'node:fs/promises';
import { type MediaJob, UploadId } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import { InputNotFoundError, sha256Of, UnsafePathError, type Volume } from '@mediajob/storage';
import type { JobOutputs } from '../outputs/job-outputs.js';
import { SNIFF_BYTES, sniff } from '../uploads/media-sniffer.js';
import type { UploadFiles } from '../uploads/upload-files.js';
import { UPLOAD_SOURCE } from '../uploads/uploads.service.js';
import { bestRendition, isVideo, playableType } from './playable.js';

export interface PlayableFile {
  readonly file: FileHandle;
  readonly mediaType: string;
  readonly tag: string;
}

/** What the page plays beside a transcript. */
export class JobMedia {
  readonly #volume: Volume;
  readonly #outputs: JobOutputs;
  readonly #uploads: UploadFiles;

  constructor(volume: Volume, outputs: JobOutputs, uploads: UploadFiles) {
    this.#volume = volume;
    this.#outputs = outputs;
    this.#uploads = uploads;
  }

  /**
   * The best file that browsers play: a rendition (unless it loses the picture), else the source itself, else the audio that was transcribed.
   *
   * @param audioOnly the audio that was transcribed, whatever else there is: for a browser that fails on the others
   * @throws ProblemError not-found while there is none
   */
  async open(job: MediaJob, audioOnly: boolean): Promise<PlayableFile> {
    const playable = (audioOnly ? undefined : await this.#best(job)) ?? (await this.#audio(job));
    if (playable) return playable;
    throw new ProblemError('not-found', 'There is nothing to play yet. It comes when the file has been converted.');
  }

  /** A film that somebody had made into an mp3 as well is still shown as a film. */
  async #best(job: MediaJob): Promise<PlayableFile | undefined> {
    const rendition = bestRendition((await this.#outputs.list(job.metadata.uid)).map((file) => file.name));
    const losesPicture = rendition !== undefined && job.status.media?.video === true && !isVideo(rendition);
    if (rendition === undefined || losesPicture) {
      const source = await this.#source(job);
      if (source) return source;
    }
    return rendition === undefined ? undefined : this.#rendition(job, rendition);
  }

  async #rendition(job: MediaJob, name: string): Promise<PlayableFile> {
    const { uid } = job.metadata;
    const { file, mediaType, sha256 } = await this.#outputs.open(uid, name);
    return { file, mediaType, tag: sha256 };
  }

  async #source(job: MediaJob): Promise<PlayableFile | undefined> {
    const { path } = job.spec.source;
    if (path === undefined) return undefined;
    const file = await this.#openIfThere(path);
    if (!file) return undefined;
    const mediaType = playableType(await this.#sniffed(path, file), job.status.media);
    if (mediaType !== undefined) return { file, mediaType, tag: await identityOf(path, file) };
    await file.close();
    return undefined;
  }

  async #audio(job: MediaJob): Promise<PlayableFile | undefined> {
    const path = this.#volume.layout.audio(job.metadata.uid);
    const file = await this.#openIfThere(path);
    return file && { file, mediaType: 'audio/wav', tag: await identityOf(path, file) };
  }

  async #openIfThere(path: string): Promise<FileHandle | undefined> {
    try {
      return await this.#volume.open(path);
    } catch (error) {
      if (error instanceof InputNotFoundError || error instanceof UnsafePathError) return undefined;
      throw error;
    }
  }

  /** An upload's type is known since it came; a file of the inbox is looked at now. */
  async #sniffed(path: string, file: FileHandle): Promise<string | undefined> {
    const id = UploadId.safeParse(UPLOAD_SOURCE.exec(path)?.[1]).data;
    const known = id === undefined ? undefined : (await this.#uploads.read(id))?.info.mediaType;
    if (known !== undefined) return known;
    const head = Buffer.alloc(SNIFF_BYTES);
    const { bytesRead } = await file.read(head, 0, SNIFF_BYTES, 0);
    return (await sniff(head.subarray(0, bytesRead), bytesRead < SNIFF_BYTES)).mediaType;
  }
}

/** An entity tag for a file that has no checksum at hand: another one whenever it is replaced or grows. */
export async function identityOf(path: string, file: FileHandle): Promise<string> {
  const { ino, size, mtimeMs } = await file.stat();
  return sha256Of(`${path}\n${ino}\n${size}\n${mtimeMs}`).slice(0, 32);
}

import { type JobId, SubtitleRules, TextFormat } from '@mediajob/contract';
import { sha256Of } from '@mediajob/storage';
import { textOf } from '../transcripts/transcript-text.js';
import type { TranscriptsService } from '../transcripts/transcripts.service.js';
import { NO_EDITS } from '../transcripts/transcripts.service.js';
import type { JobOutputs } from './job-outputs.js';

export interface CorrectedOutput {
  readonly mediaType: string;
  /** Value of an entity tag: another one after each correction, and after an upgrade, which may break lines otherwise. */
  readonly tag: string;
  bytes(): Promise<Buffer>;
}

const TEXT = /^transcript\.([a-z]+)$/;

/** Texts with people's corrections in them, made when they are asked for: the files themselves never change by them. */
export class CorrectedOutputs {
  readonly #outputs: JobOutputs;
  readonly #transcripts: TranscriptsService;
  readonly #version: string;

  constructor(outputs: JobOutputs, transcripts: TranscriptsService, version: string) {
    this.#outputs = outputs;
    this.#transcripts = transcripts;
    this.#version = version;
  }

  /**
   * @returns undefined when there is nothing to correct in it: no text of the transcript, or nobody corrected anything
   * @throws ProblemError job-not-found
   */
  async find(id: JobId, name: string): Promise<CorrectedOutput | undefined> {
    const format = TextFormat.safeParse(TEXT.exec(name)?.[1]).data;
    if (format === undefined) return undefined;
    const [file, transcript] = await Promise.all([
      this.#outputs.find(id, name),
      this.#outputs.find(id, 'transcript.json'),
    ]);
    if (file === undefined || transcript === undefined) return undefined;
    const edits = await this.#transcripts.edits(id);
    if (edits.tag === NO_EDITS || edits.value.edits.length === 0) return undefined;
    return {
      mediaType: file.mediaType,
      tag: sha256Of([file.sha256, edits.tag, this.#version].join('\n')),
      bytes: async () => {
        const rules = this.#outputs.job(id).spec.transcribe?.subtitles ?? SubtitleRules.parse({});
        return textOf(await this.#transcripts.read(id, true), format, rules);
      },
    };
  }
}

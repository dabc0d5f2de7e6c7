import { ChunkPlan, DetectedLanguage, DetectLanguageRequest } from '@mediajob/contract';
import { Gate, ProblemError } from '@mediajob/service';
import { schemaOf } from '@mediajob/service/nest';
import { languageWindows, voteLanguage } from '@mediajob/speech';
import { InputNotFoundError, readJson } from '@mediajob/storage';
import { Body, Controller, HttpCode, Inject, Post, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { speechProblemOf } from '../models/model-problem.js';
import { LANGUAGES_OPTIONS, type LanguagesOptions } from './languages.options.js';

/** Stretches of speech that vote; the same number as the transcribe step takes. */
const VOTERS = 5;

@ApiTags('languages')
@Controller('v1/detect-language')
export class DetectLanguageController {
  readonly #options: LanguagesOptions;
  readonly #gate = new Gate({ limit: 1, maxWaiting: 16 });

  constructor(@Inject(LANGUAGES_OPTIONS) options: LanguagesOptions) {
    this.#options = options;
  }

  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Which language a job’s converted audio is in: a vote over stretches rich in speech.',
    description:
      '404: the job has no converted audio. 409: there is no speech in it. 503 model-missing names the command.',
  })
  @ApiOkResponse({ schema: schemaOf(DetectedLanguage) })
  async detect(
    @Body({ schema: DetectLanguageRequest }) request: DetectLanguageRequest,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DetectedLanguage> {
    const gone = new AbortController();
    response.once('close', () => gone.abort(new Error('the caller went away')));
    const model = request.model ?? this.#options.defaultModel;
    try {
      return await this.#gate.run(() => this.#detect(request.jobId, model, gone.signal), gone.signal);
    } catch (error) {
      throw speechProblemOf(error, model);
    }
  }

  async #detect(jobId: string, model: string, signal: AbortSignal): Promise<DetectedLanguage> {
    const { engines } = this.#options;
    const { wavPath, plan } = await this.#audioOf(jobId);
    const windows = languageWindows(plan, VOTERS);
    if (windows.length === 0) {
      throw new ProblemError('conflict', 'There is no speech in this job’s audio, so it has no language.');
    }
    const lease = await engines.acquire(model, { signal });
    try {
      const ballots = await Promise.all(
        windows.map(async ({ startMs, endMs }) => ({
          startMs,
          endMs,
          candidates: await lease.engine.detectLanguage({ wavPath, startMs, endMs }, { signal }),
        })),
      );
      return { schemaVersion: 1, model, ...voteLanguage(ballots) };
    } finally {
      lease.release();
    }
  }

  async #audioOf(jobId: string): Promise<{ wavPath: string; plan: ChunkPlan }> {
    const { volume } = this.#options;
    try {
      return {
        wavPath: await volume.resolveExisting(volume.layout.audio(jobId)),
        plan: await readJson(await volume.resolveExisting(volume.layout.plan(jobId)), ChunkPlan),
      };
    } catch (error) {
      if (!(error instanceof InputNotFoundError)) throw error;
      throw new ProblemError(
        'job-not-found',
        'This job has no converted audio here. Convert it first, or check its id.',
        {
          cause: error,
        },
      );
    }
  }
}

import { JobId } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import { InputNotFoundError, type Volume } from '@mediajob/storage';
import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { sendFile } from '../http/send-file.js';
import { JobOutputs } from '../outputs/job-outputs.js';
import { VOLUME } from '../tokens.js';
import { identityOf, JobMedia } from './job-media.js';

const MediaQuery = z.strictObject({
  prefer: z
    .enum(['best', 'audio'])
    .default('best')
    .describe('audio: what was transcribed, for a browser that cannot play the picture.'),
});

@ApiTags('media')
@Controller('api/v1/jobs/:id')
export class MediaController {
  readonly #volume: Volume;
  readonly #media: JobMedia;
  readonly #outputs: JobOutputs;

  constructor(
    @Inject(VOLUME) volume: Volume,
    @Inject(JobMedia) media: JobMedia,
    @Inject(JobOutputs) outputs: JobOutputs,
  ) {
    this.#volume = volume;
    this.#media = media;
    this.#outputs = outputs;
  }

  @Get('media')
  @ApiOperation({ summary: 'The best file that a browser plays: a rendition, else the source, else the audio; Range' })
  async play(
    @Param('id', { schema: JobId }) id: JobId,
    @Query({ schema: MediaQuery }) query: z.infer<typeof MediaQuery>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const playable = await this.#media.open(this.#outputs.job(id), query.prefer === 'audio');
    await sendFile(request, response, playable);
  }

  @Get('peaks')
  @ApiOperation({ summary: 'Loudness over time, for drawing a waveform' })
  async peaks(
    @Param('id', { schema: JobId }) id: JobId,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const path = this.#volume.layout.peaks(this.#outputs.job(id).metadata.uid);
    const file = await this.#volume.open(path).catch((error: unknown) => {
      if (!(error instanceof InputNotFoundError)) throw error;
      throw new ProblemError('not-found', 'There are no peaks yet. They come when the file has been converted.');
    });
    await sendFile(request, response, { file, mediaType: 'application/json', tag: await identityOf(path, file) });
  }
}

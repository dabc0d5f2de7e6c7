import { JobId, PutTranscriptEdits, Transcript, TranscriptEdits } from '@mediajob/contract';
import { schemaOf } from '@mediajob/service/nest';
import { Body, Controller, Get, Headers, Inject, Param, Put, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { z } from 'zod';
import { entityTag, matchesNone } from '../http/conditional.js';
import { TranscriptsService } from './transcripts.service.js';

const TranscriptQuery = z.strictObject({
  edited: z.enum(['true', 'false']).default('false').describe('true: with people’s corrections.'),
});

@ApiTags('transcripts')
@Controller('api/v1/jobs/:id/transcript')
export class TranscriptsController {
  readonly #transcripts: TranscriptsService;

  constructor(@Inject(TranscriptsService) transcripts: TranscriptsService) {
    this.#transcripts = transcripts;
  }

  @Get()
  @ApiOperation({ summary: 'The transcript, or 404 transcript-not-ready; If-None-Match is understood' })
  @ApiOkResponse({ schema: schemaOf(Transcript) })
  async read(
    @Param('id', { schema: JobId }) id: JobId,
    @Query({ schema: TranscriptQuery }) query: z.infer<typeof TranscriptQuery>,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Transcript | undefined> {
    const edited = query.edited === 'true';
    const tag = await this.#transcripts.tag(id, edited);
    response.set({ etag: entityTag(tag), 'cache-control': 'private, no-cache' });
    if (!matchesNone(ifNoneMatch, tag)) return this.#transcripts.read(id, edited);
    response.status(304);
    return undefined;
  }

  @Get('edits')
  @ApiOperation({ summary: 'People’s corrections; the ETag is what If-Match of PUT names' })
  @ApiOkResponse({ schema: schemaOf(TranscriptEdits) })
  async edits(
    @Param('id', { schema: JobId }) id: JobId,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TranscriptEdits> {
    const { value, tag } = await this.#transcripts.edits(id);
    response.set({ etag: entityTag(tag), 'cache-control': 'private, no-cache' });
    return value;
  }

  @Put('edits')
  @ApiOperation({ summary: 'Replaces all corrections. Needs If-Match; 412 when somebody else was first' })
  @ApiOkResponse({ schema: schemaOf(TranscriptEdits) })
  async replace(
    @Param('id', { schema: JobId }) id: JobId,
    @Body({ schema: PutTranscriptEdits }) body: PutTranscriptEdits,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<TranscriptEdits> {
    const { value, tag } = await this.#transcripts.replace(id, body.edits, ifMatch, new Date());
    response.set({ etag: entityTag(tag) });
    return value;
  }
}

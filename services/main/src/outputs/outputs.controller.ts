import { JobId, OutputList, OutputName } from '@mediajob/contract';
import { schemaOf } from '@mediajob/service/nest';
import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { sendBytes, sendFile } from '../http/send-file.js';
import { CorrectedOutputs } from './corrected-outputs.js';
import { downloadName, JobOutputs } from './job-outputs.js';

const OutputQuery = z.strictObject({
  inline: z.enum(['true', 'false']).default('false').describe('true: shown by the browser instead of saved.'),
  edited: z
    .enum(['true', 'false'])
    .default('true')
    .describe('false: a text as it was made, without people’s corrections.'),
});

@ApiTags('outputs')
@Controller('api/v1/jobs/:id/outputs')
export class OutputsController {
  readonly #outputs: JobOutputs;
  readonly #corrected: CorrectedOutputs;

  constructor(@Inject(JobOutputs) outputs: JobOutputs, @Inject(CorrectedOutputs) corrected: CorrectedOutputs) {
    this.#outputs = outputs;
    this.#corrected = corrected;
  }

  @Get()
  @ApiOperation({ summary: 'Files that finished stages have made so far' })
  @ApiOkResponse({ schema: schemaOf(OutputList) })
  async list(@Param('id', { schema: JobId }) id: JobId): Promise<OutputList> {
    const files = await this.#outputs.list(id);
    return { outputs: files.map(({ sha256: _, ...file }) => file) };
  }

  @Get(':name')
  @ApiOperation({
    summary: 'One file, texts with people’s corrections in them; Range, If-Range and If-None-Match are understood',
  })
  async file(
    @Param('id', { schema: JobId }) id: JobId,
    @Param('name', { schema: OutputName }) name: string,
    @Query({ schema: OutputQuery }) query: z.infer<typeof OutputQuery>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const job = this.#outputs.job(id);
    const kind = query.inline === 'true' ? 'inline' : 'attachment';
    const download = { kind, fileName: downloadName(job, name) } as const;
    const corrected = query.edited === 'true' ? await this.#corrected.find(id, name) : undefined;
    if (corrected !== undefined) {
      const { mediaType, tag } = corrected;
      await sendBytes(request, response, { mediaType, tag, download }, corrected.bytes);
      return;
    }
    const { file, mediaType, sha256 } = await this.#outputs.open(id, name);
    await sendFile(request, response, { file, mediaType, tag: sha256, download });
  }
}

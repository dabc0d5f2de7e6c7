import { JobId, OutputList, OutputName } from '@mediajob/contract';
import { schemaOf } from '@mediajob/service/nest';
import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { sendFile } from '../http/send-file.js';
import { downloadName, JobOutputs } from './job-outputs.js';

const Disposition = z.strictObject({
  inline: z.enum(['true', 'false']).default('false').describe('true: shown by the browser instead of saved.'),
});

@ApiTags('outputs')
@Controller('api/v1/jobs/:id/outputs')
export class OutputsController {
  readonly #outputs: JobOutputs;

  constructor(@Inject(JobOutputs) outputs: JobOutputs) {
    this.#outputs = outputs;
  }

  @Get()
  @ApiOperation({ summary: 'Files that finished stages have made so far' })
  @ApiOkResponse({ schema: schemaOf(OutputList) })
  async list(@Param('id', { schema: JobId }) id: JobId): Promise<OutputList> {
    const files = await this.#outputs.list(id);
    return { outputs: files.map(({ sha256: _, ...file }) => file) };
  }

  @Get(':name')
  @ApiOperation({ summary: 'One file; Range, If-Range and If-None-Match are understood' })
  async file(
    @Param('id', { schema: JobId }) id: JobId,
    @Param('name', { schema: OutputName }) name: string,
    @Query({ schema: Disposition }) query: z.infer<typeof Disposition>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const job = this.#outputs.job(id);
    const { file, mediaType, sha256 } = await this.#outputs.open(id, name);
    await sendFile(request, response, {
      file,
      mediaType,
      tag: sha256,
      download: { kind: query.inline === 'true' ? 'inline' : 'attachment', fileName: downloadName(job, name) },
    });
  }
}

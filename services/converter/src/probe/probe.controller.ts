import { type MediaInfo, ProbeRequest, ProbeResponse } from '@mediajob/contract';
import { probe } from '@mediajob/media';
import { Gate } from '@mediajob/service';
import { InjectContext, type ServiceContext, schemaOf } from '@mediajob/service/nest';
import { Body, Controller, HttpCode, Inject, Post, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { PROBE_OPTIONS, type ProbeModuleOptions } from './probe.options.js';
import { isRefusedAsAttack, probeProblemOf } from './probe-problem.js';

/** Probes that may wait for their turn. */
const MAX_WAITING = 64;

@ApiTags('media')
@Controller('v1/probe')
export class ProbeController {
  readonly #options: ProbeModuleOptions;
  readonly #service: ServiceContext;
  readonly #gate: Gate;

  constructor(@Inject(PROBE_OPTIONS) options: ProbeModuleOptions, @InjectContext() service: ServiceContext) {
    this.#options = options;
    this.#service = service;
    this.#gate = new Gate({ limit: options.concurrency, maxWaiting: MAX_WAITING });
  }

  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'What a file on the media volume is: length, codec, streams. Decodes nothing.',
    description: '415 unsupported-media says why it cannot be used; 404: there is no such file.',
  })
  @ApiOkResponse({ schema: schemaOf(ProbeResponse) })
  async probe(
    @Body({ schema: ProbeRequest }) request: ProbeRequest,
    @Res({ passthrough: true }) response: Response,
  ): Promise<MediaInfo> {
    const { volume, ffmpeg, maxDurationMs } = this.#options;
    const gone = new AbortController();
    response.once('close', () => gone.abort(new Error('the caller went away')));
    const { signal } = gone;
    try {
      return await this.#gate.run(async () => {
        const input = await volume.resolveExisting(request.source);
        return probe(input, { audioTrack: request.audioTrack, maxDurationMs, ffmpeg, signal });
      }, signal);
    } catch (error) {
      if (isRefusedAsAttack(error)) {
        this.#service.audit.suspicious({
          kind: 'refused-media',
          object: request.source,
          detail: { problem: error.problem },
        });
      }
      throw probeProblemOf(error);
    }
  }
}

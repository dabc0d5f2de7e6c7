import { type MediaInfo, UploadId, type UploadStatus } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import {
  All,
  Controller,
  Delete,
  Get,
  Head,
  HttpCode,
  Inject,
  Options,
  Param,
  Patch,
  Post,
  Req,
  Res,
} from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { SkipThrottle } from '@nestjs/throttler';
import type { Request, Response } from 'express';
import { UploadsService } from './uploads.service.js';

/** Resumable uploads by tus 1.0 (https://tus.io/protocols/resumable-upload): creation, creation-with-upload, creation-defer-length, termination. */
@ApiTags('uploads')
@Controller('api/v1/uploads')
export class UploadsController {
  readonly #uploads: UploadsService;

  constructor(@Inject(UploadsService) uploads: UploadsService) {
    this.#uploads = uploads;
  }

  @Options()
  @ApiOperation({ summary: 'tus: what this server can do, and the largest upload' })
  discover(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#uploads.gateway.handle(request, response);
  }

  @Post()
  @ApiOperation({ summary: 'tus: begins an upload; Location tells where it goes on. 413 too large, 507 no room' })
  create(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#uploads.gateway.handle(request, response);
  }

  @Get(':id/info')
  @ApiOperation({ summary: 'What is known of an upload' })
  info(@Param('id', { schema: UploadId }) id: UploadId): Promise<UploadStatus> {
    return this.#uploads.status(id);
  }

  @Post(':id/probe')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Has a converter look into a complete upload. 415 not media; 503 no converter, a job of it would wait',
  })
  async probe(@Param('id', { schema: UploadId }) id: UploadId): Promise<MediaInfo> {
    const path = `uploads/${id}/source`;
    await this.#uploads.claimSource(path);
    const media = await this.#uploads.probe(path);
    if (media) return media;
    throw new ProblemError(
      'worker-unavailable',
      'The converter is not there now, so nobody can look into the file. It is safe; a job of it starts when the converter is back.',
      { headers: { 'retry-after': '10' } },
    );
  }

  @Options(':id')
  @SkipThrottle()
  @ApiOperation({ summary: 'tus: what this server can do' })
  discoverOne(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#uploads.gateway.handle(request, response);
  }

  @Head(':id')
  @SkipThrottle()
  @ApiOperation({ summary: 'tus: Upload-Offset tells where the upload goes on' })
  offset(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#uploads.gateway.handle(request, response);
  }

  @Patch(':id')
  @SkipThrottle()
  @ApiOperation({ summary: 'tus: brings the next bytes. 204 means that they are on stable storage' })
  append(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#uploads.gateway.handle(request, response);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'tus: removes an upload. 409 when a job is made of it' })
  remove(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#uploads.gateway.handle(request, response);
  }

  @All()
  otherOnAll(@Req() request: Request, @Res() response: Response): void {
    response.setHeader('allow', 'OPTIONS, POST');
    throw notAllowed(request.method);
  }

  @All(':id')
  otherOnOne(@Req() request: Request, @Res() response: Response): void {
    response.setHeader('allow', 'OPTIONS, HEAD, PATCH, DELETE');
    throw notAllowed(request.method);
  }
}

function notAllowed(method: string): ProblemError {
  return new ProblemError(
    'method-not-allowed',
    `${method} is not for uploads: what was sent is not given back. See /api/v1/uploads/<id>/info, and the job’s media.`,
  );
}

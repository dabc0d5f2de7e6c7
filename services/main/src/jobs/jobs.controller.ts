import { BulkJobs, BulkResult, CreateJob, JobId, JobList, ListJobsQuery, MediaJob, PatchJob } from '@mediajob/contract';
import { InjectContext, type ServiceContext, schemaOf } from '@mediajob/service/nest';
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { JobsService } from './jobs.service.js';

const job = { schema: schemaOf(MediaJob) };

@ApiTags('jobs')
@Controller('api/v1/jobs')
export class JobsController {
  readonly #jobs: JobsService;
  readonly #service: ServiceContext;

  constructor(@Inject(JobsService) jobs: JobsService, @InjectContext() service: ServiceContext) {
    this.#jobs = jobs;
    this.#service = service;
  }

  @Post()
  @ApiOperation({
    summary: 'Makes a job of an upload that is complete, or of a file of the inbox.',
    description:
      'The same name with the same content answers the job that exists. 409 upload-incomplete, job-exists; 415 unsupported-media.',
  })
  @ApiResponse({ status: 201, description: 'The job is new.', ...job })
  @ApiResponse({ status: 202, description: 'It is kept here, and made when the cluster answers again.', ...job })
  @ApiOkResponse({ description: 'The job was there already.', ...job })
  async create(
    @Body({ schema: CreateJob }) body: CreateJob,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<MediaJob> {
    const {
      job: made,
      created,
      queued,
    } = await this.#audited('job.create', body.spec.source.path ?? 'source', request, () => this.#jobs.create(body));
    response.status(queued ? 202 : created ? 201 : 200).location(`/api/v1/jobs/${made.metadata.uid}`);
    return made;
  }

  @Get()
  @ApiOperation({ summary: 'Jobs, the newest first.' })
  @ApiOkResponse({ schema: schemaOf(JobList) })
  list(@Query({ schema: ListJobsQuery }) query: ListJobsQuery): JobList {
    return this.#jobs.list(query);
  }

  @Post('bulk')
  @HttpCode(200)
  @ApiOperation({ summary: 'One action on many jobs, with a result for each.' })
  @ApiOkResponse({ schema: schemaOf(BulkResult) })
  bulk(@Body({ schema: BulkJobs }) body: BulkJobs, @Req() request: Request): Promise<BulkResult> {
    return this.#audited(`job.bulk-${body.action}`, `${body.ids.length} jobs`, request, () => this.#jobs.bulk(body));
  }

  @Get(':id')
  @ApiOperation({ summary: 'One job.' })
  @ApiOkResponse(job)
  get(@Param('id', { schema: JobId }) id: JobId): MediaJob {
    return this.#jobs.get(id);
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Changes the title, or what of the spec may change. null takes a value back.' })
  @ApiOkResponse(job)
  patch(
    @Param('id', { schema: JobId }) id: JobId,
    @Body({ schema: PatchJob }) body: PatchJob,
    @Req() request: Request,
  ): Promise<MediaJob> {
    return this.#audited('job.patch', id, request, () => this.#jobs.patch(id, body));
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @ApiOperation({ summary: 'Stops a job for good. Finished files are kept; a retry takes it back.' })
  @ApiOkResponse(job)
  cancel(@Param('id', { schema: JobId }) id: JobId, @Req() request: Request): Promise<MediaJob> {
    return this.#audited('job.cancel', id, request, () => this.#jobs.cancel(id));
  }

  @Post(':id/retry')
  @HttpCode(200)
  @ApiOperation({ summary: 'A new attempt; what is finished is not done again. A job that waits goes on at once.' })
  @ApiOkResponse(job)
  retry(@Param('id', { schema: JobId }) id: JobId, @Req() request: Request): Promise<MediaJob> {
    return this.#audited('job.retry', id, request, () => this.#jobs.retry(id));
  }

  @Post(':id/suspend')
  @HttpCode(200)
  @ApiOperation({ summary: 'Stops running work and starts none until it is resumed.' })
  @ApiOkResponse(job)
  suspend(@Param('id', { schema: JobId }) id: JobId, @Req() request: Request): Promise<MediaJob> {
    return this.#audited('job.suspend', id, request, () => this.#jobs.suspend(id));
  }

  @Post(':id/resume')
  @HttpCode(200)
  @ApiOperation({ summary: 'Goes on with a suspended job.' })
  @ApiOkResponse(job)
  resume(@Param('id', { schema: JobId }) id: JobId, @Req() request: Request): Promise<MediaJob> {
    return this.#audited('job.resume', id, request, () => this.#jobs.resume(id));
  }

  @Delete(':id')
  @HttpCode(202)
  @ApiOperation({ summary: 'Stops a job and removes its files. It is gone a moment later: see event job-deleted.' })
  @ApiResponse({ status: 202, description: 'It is being deleted.', ...job })
  delete(@Param('id', { schema: JobId }) id: JobId, @Req() request: Request): Promise<MediaJob> {
    return this.#audited('job.delete', id, request, () => this.#jobs.delete(id));
  }

  async #audited<T>(action: string, about: string, request: Request, work: () => Promise<T>): Promise<T> {
    const event = { action, actor: request.ip, object: `jobs/${about}` };
    try {
      const result = await work();
      this.#service.audit.record({ ...event, outcome: 'success' });
      return result;
    } catch (error) {
      const refused = error instanceof Error && 'status' in error && Number(error.status) < 500;
      this.#service.audit.record({ ...event, outcome: refused ? 'refused' : 'failed' });
      throw error;
    }
  }
}

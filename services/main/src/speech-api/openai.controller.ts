import type { MainEnv, MediaJob } from '@mediajob/contract';
import { ProblemError, problemOf } from '@mediajob/service';
import { InjectContext, type ServiceContext } from '@mediajob/service/nest';
import { Controller, Get, HttpCode, Inject, Param, Post, Req, Res, UseFilters } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Catalog } from '../system/catalog.js';
import { UploadsService } from '../uploads/uploads.service.js';
import { goneSignal } from './gone-signal.js';
import { openAiAnswer, openAiEvents } from './openai-answer.js';
import { OpenAiErrors, openAiError } from './openai-errors.filter.js';
import { type OpenAiRequest, openAiRequest, RESPONSE_FORMATS } from './openai-request.js';
import { receiveForm } from './received-form.js';
import { SpeechJobs } from './speech-jobs.js';
import type { SpeechWishes } from './speech-request.js';

const FORM = {
  schema: {
    type: 'object',
    required: ['file'],
    properties: {
      file: { type: 'string', format: 'binary' },
      model: { type: 'string', description: 'A model that is installed; whisper-1 is the default one.' },
      language: { type: 'string', description: 'BCP-47 tag or English name; left out: found out.' },
      prompt: { type: 'string', description: 'Names and terms that are likely to be said.' },
      response_format: { type: 'string', enum: [...RESPONSE_FORMATS] },
      'timestamp_granularities[]': { type: 'array', items: { type: 'string', enum: ['word', 'segment'] } },
      stream: { type: 'boolean' },
    },
  },
};

/** What clients of OpenAI's audio API call (https://platform.openai.com/docs/api-reference/audio). */
@ApiTags('openai')
@UseFilters(OpenAiErrors)
@Controller('v1')
export class OpenAiController {
  readonly #service: ServiceContext<MainEnv>;
  readonly #speech: SpeechJobs;
  readonly #uploads: UploadsService;
  readonly #catalog: Catalog;

  constructor(
    @InjectContext() service: ServiceContext<MainEnv>,
    @Inject(SpeechJobs) speech: SpeechJobs,
    @Inject(UploadsService) uploads: UploadsService,
    @Inject(Catalog) catalog: Catalog,
  ) {
    this.#service = service;
    this.#speech = speech;
    this.#uploads = uploads;
    this.#catalog = catalog;
  }

  @Post('audio/transcriptions')
  @HttpCode(200)
  @ApiOperation({
    summary: 'A recording as text, as OpenAI’s clients ask for it.',
    description:
      'A MediaJob below: a client that lost its connection and sends the same recording again gets the same job or its result.',
  })
  @ApiConsumes('multipart/form-data')
  @ApiBody(FORM)
  @ApiProduces('application/json', 'text/plain', 'text/vtt', 'application/x-subrip', 'text/event-stream')
  transcribe(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#answer('transcribe', request, response);
  }

  @Post('audio/translations')
  @HttpCode(200)
  @ApiOperation({ summary: 'A recording as English text, whatever is spoken.' })
  @ApiConsumes('multipart/form-data')
  @ApiBody(FORM)
  @ApiProduces('application/json', 'text/plain', 'text/vtt', 'application/x-subrip')
  translate(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.#answer('translate', request, response);
  }

  @Get('models')
  @ApiOperation({ summary: 'Models that are installed, as OpenAI lists them.' })
  async models(): Promise<object> {
    return { object: 'list', data: await this.#installed() };
  }

  @Get('models/:id')
  @ApiOperation({ summary: 'One of them.' })
  async model(@Param('id') id: string): Promise<object> {
    const found = (await this.#installed()).find((it) => it.id === id);
    if (found !== undefined) return found;
    throw new ProblemError(
      'model-missing',
      `The model “${id}” is not installed here. GET /v1/models lists those that are.`,
      {
        errors: [{ path: 'model', message: 'is not installed' }],
      },
    );
  }

  async #installed() {
    const { models } = await this.#catalog.models();
    return (
      models
        .filter((it) => it.installed)
        // When its weights were published is not known; clients in typed languages insist on a number.
        .map(({ name }) => ({ id: name, object: 'model', created: 0, owned_by: 'mediajob' }))
    );
  }

  async #answer(task: SpeechWishes['task'], request: Request, response: Response): Promise<void> {
    const gone = goneSignal(request, response);
    const form = await receiveForm(request, 'file', (bytes, name) => this.#uploads.receive(bytes, name));
    let asked: OpenAiRequest;
    try {
      asked = openAiRequest(form.fields, task, this.#service.env.MEDIAJOB_DEFAULT_MODEL);
    } catch (error) {
      await this.#uploads.discard(form.upload.id);
      throw error;
    }
    const job = await this.#speech.begin(asked.wishes, form.upload, request.ip);
    if (asked.stream) return this.#stream(job, response, gone);
    const transcript = await this.#speech.transcript(job, gone);
    const { type, body } = await openAiAnswer(transcript, asked);
    response.type(type).send(body);
  }

  async #stream(job: MediaJob, response: Response, gone: AbortSignal): Promise<void> {
    const stream = this.#service.streams.open(response);
    try {
      const transcript = await this.#speech.transcript(job, gone);
      for (const data of openAiEvents(transcript)) stream.send({ data });
    } catch (error) {
      if (!gone.aborted) stream.send({ event: 'error', data: openAiError(problemOf(error)) });
    } finally {
      stream.close();
    }
  }
}

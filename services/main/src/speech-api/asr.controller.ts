import { type MainEnv, type Transcript, type UploadInfo, whisperLanguageOf } from '@mediajob/contract';
import { InjectContext, type ServiceContext } from '@mediajob/service/nest';
import { Controller, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiProduces, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { contentDisposition } from '../http/content-disposition.js';
import { textOf } from '../transcripts/transcript-text.js';
import { UploadsService } from '../uploads/uploads.service.js';
import { ASR_OUTPUTS, type AsrOutput, type AsrRequest, asrRequest } from './asr-request.js';
import { goneSignal } from './gone-signal.js';
import { verboseSegment } from './openai-answer.js';
import { receiveForm } from './received-form.js';
import { SpeechJobs } from './speech-jobs.js';
import { PLAIN_SUBTITLES, spokenLanguage, textOfTranscript } from './spoken-text.js';

const FORM = {
  schema: {
    type: 'object',
    required: ['audio_file'],
    properties: { audio_file: { type: 'string', format: 'binary' } },
  },
};
const TYPES: Readonly<Record<AsrOutput, string>> = {
  txt: 'text/plain; charset=utf-8',
  vtt: 'text/vtt; charset=utf-8',
  srt: 'application/x-subrip; charset=utf-8',
  tsv: 'text/tab-separated-values; charset=utf-8',
  json: 'application/json; charset=utf-8',
};

/** What clients of whisper-asr-webservice call, such as Bazarr. */
@ApiTags('asr')
@Controller()
export class AsrController {
  readonly #service: ServiceContext<MainEnv>;
  readonly #speech: SpeechJobs;
  readonly #uploads: UploadsService;

  constructor(
    @InjectContext() service: ServiceContext<MainEnv>,
    @Inject(SpeechJobs) speech: SpeechJobs,
    @Inject(UploadsService) uploads: UploadsService,
  ) {
    this.#service = service;
    this.#speech = speech;
    this.#uploads = uploads;
  }

  @Post('asr')
  @HttpCode(200)
  @ApiOperation({ summary: 'A recording as text, as clients of whisper-asr-webservice ask for it.' })
  @ApiConsumes('multipart/form-data')
  @ApiBody(FORM)
  @ApiQuery({ name: 'output', enum: [...ASR_OUTPUTS], required: false })
  @ApiQuery({ name: 'task', enum: ['transcribe', 'translate'], required: false })
  @ApiQuery({ name: 'language', required: false })
  @ApiQuery({ name: 'initial_prompt', required: false })
  @ApiQuery({ name: 'word_timestamps', required: false })
  @ApiProduces(...Object.values(TYPES))
  async asr(
    @Query() query: Record<string, unknown>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const gone = goneSignal(request, response);
    const asked = asrRequest(query, this.#service.env.MEDIAJOB_DEFAULT_MODEL);
    const upload = await this.#receive(request);
    const transcript = await this.#transcript(asked, upload, request, gone);
    const body = await bodyOf(transcript, asked);
    const name = upload.fileName.replace(/\.[^.]*$/, '') || 'transcript';
    response
      .set('content-disposition', contentDisposition('attachment', `${name}.${asked.output}`))
      .set('asr-engine', 'mediajob')
      .type(TYPES[asked.output])
      .send(body);
  }

  @Post('detect-language')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Which language is spoken in a recording.',
    description: 'It is transcribed for that, so that asking for its text next costs nothing.',
  })
  @ApiConsumes('multipart/form-data')
  @ApiBody(FORM)
  async detectLanguage(@Req() request: Request, @Res() response: Response): Promise<void> {
    const gone = goneSignal(request, response);
    const asked = asrRequest({}, this.#service.env.MEDIAJOB_DEFAULT_MODEL);
    const transcript = await this.#transcript(asked, await this.#receive(request), request, gone);
    response.json({
      detected_language: spokenLanguage(transcript),
      language_code: whisperLanguageOf(transcript.language) ?? transcript.language,
      confidence: transcript.languageProbability,
    });
  }

  async #receive(request: Request): Promise<UploadInfo> {
    return (await receiveForm(request, 'audio_file', (bytes, name) => this.#uploads.receive(bytes, name))).upload;
  }

  async #transcript(asked: AsrRequest, upload: UploadInfo, request: Request, gone: AbortSignal): Promise<Transcript> {
    const job = await this.#speech.begin(asked.wishes, upload, request.ip);
    return this.#speech.transcript(job, gone);
  }
}

async function bodyOf(transcript: Transcript, { output, words }: AsrRequest): Promise<string | Buffer> {
  if (output !== 'json') return textOf(transcript, output, PLAIN_SUBTITLES);
  return JSON.stringify({
    text: textOfTranscript(transcript),
    segments: transcript.segments.map((segment, id) => ({
      ...verboseSegment(segment, id),
      ...(words && {
        words: segment.words.map(({ word, start, end, score }) => ({ word, start, end, probability: score })),
      }),
    })),
    language: whisperLanguageOf(transcript.language) ?? transcript.language,
  });
}

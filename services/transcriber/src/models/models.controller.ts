import { ModelList, ModelName, ModelStatus } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import { InjectContext, type ServiceContext, schemaOf } from '@mediajob/service/nest';
import { modelStatus } from '@mediajob/speech';
import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { ModelPulls } from './model-pulls.js';
import { MODELS_OPTIONS, type ModelsOptions } from './models.options.js';
import { pullCommand } from './pull-command.js';

@ApiTags('models')
@Controller('v1/models')
export class ModelsController {
  readonly #options: ModelsOptions;
  readonly #pulls: ModelPulls;
  readonly #service: ServiceContext;

  constructor(
    @Inject(MODELS_OPTIONS) options: ModelsOptions,
    @Inject(ModelPulls) pulls: ModelPulls,
    @InjectContext() service: ServiceContext,
  ) {
    this.#options = options;
    this.#pulls = pulls;
    this.#service = service;
  }

  @Get()
  @ApiOperation({ summary: 'The whole catalog, what of it is installed here, and pulls under way.' })
  @ApiOkResponse({ schema: schemaOf(ModelList) })
  async list(): Promise<ModelList> {
    const models = await modelStatus(this.#options.modelsDir, this.#options.defaultModel);
    return {
      models: models.map((model) => {
        const pull = model.installed ? undefined : this.#pulls.stateOf(model.name);
        return pull === undefined ? model : { ...model, pull };
      }),
    };
  }

  @Post(':name/pull')
  @ApiOperation({
    summary: 'Begins to install a model; GET /v1/models tells how it goes.',
    description: '409 models-read-only names the command to run instead, where models are read-only.',
  })
  @ApiOkResponse({ description: 'It is installed already.', schema: schemaOf(ModelStatus) })
  @ApiResponse({ status: 202, description: 'It is being installed.', schema: schemaOf(ModelStatus) })
  async pull(
    @Param('name', { schema: ModelName }) name: string,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ModelStatus> {
    const found = await this.#find(name);
    if (!this.#options.writable) {
      this.#audit(name, 'refused', request);
      throw new ProblemError(
        'models-read-only',
        `Models are installed by a command, not by this service. ${pullCommand(name)}`,
      );
    }
    if (found.installed) {
      response.status(200);
      return found;
    }
    this.#pulls.start(name);
    this.#audit(name, 'success', request);
    response.status(202);
    return this.#find(name);
  }

  async #find(name: string): Promise<ModelStatus> {
    const { models } = await this.list();
    const found = models.find((model) => model.name === name);
    if (found !== undefined) return found;
    throw new ProblemError('not-found', `The catalog has no model ${name}. GET /v1/models lists those it has.`);
  }

  #audit(name: string, outcome: 'success' | 'refused', request: Request): void {
    this.#service.audit.record({ action: 'model.pull', outcome, actor: request.ip, object: `models/${name}` });
  }
}

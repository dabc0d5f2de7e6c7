import { LanguageList, ModelList, SystemStatus } from '@mediajob/contract';
import { schemaOf } from '@mediajob/service/nest';
import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Catalog } from './catalog.js';
import { SystemService } from './system.service.js';

@ApiTags('system')
@Controller('api/v1')
export class SystemController {
  readonly #system: SystemService;
  readonly #catalog: Catalog;

  constructor(@Inject(SystemService) system: SystemService, @Inject(Catalog) catalog: Catalog) {
    this.#system = system;
    this.#catalog = catalog;
  }

  @Get('system')
  @Header('cache-control', 'no-store')
  @ApiOperation({ summary: 'Services, disk, models, versions and limits; answers also when workers are away' })
  @ApiOkResponse({ schema: schemaOf(SystemStatus) })
  system(): Promise<SystemStatus> {
    return this.#system.status();
  }

  @Get('models')
  @Header('cache-control', 'no-cache')
  @ApiOperation({ summary: 'Models of the transcriber, as it told last' })
  @ApiOkResponse({ schema: schemaOf(ModelList) })
  models(): Promise<ModelList> {
    return this.#catalog.models();
  }

  @Get('languages')
  @Header('cache-control', 'no-cache')
  @ApiOperation({ summary: 'Languages that can be transcribed' })
  @ApiOkResponse({ schema: schemaOf(LanguageList) })
  languages(): Promise<LanguageList> {
    return this.#catalog.languages();
  }
}

import { bcp47Of, LanguageList, languageName, WHISPER_LANGUAGES } from '@mediajob/contract';
import { schemaOf } from '@mediajob/service/nest';
import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';

const languages: LanguageList = {
  languages: WHISPER_LANGUAGES.map((code) => ({ code: bcp47Of(code), name: languageName(code) })).sort((a, b) =>
    a.name.localeCompare(b.name, 'en'),
  ),
};

@ApiTags('languages')
@Controller('v1/languages')
export class LanguagesController {
  @Get()
  @ApiOperation({
    summary: 'Languages that may be named, as BCP-47 tags, by English name. yue: only by large-v3 and turbo.',
  })
  @ApiOkResponse({ schema: schemaOf(LanguageList) })
  list(): LanguageList {
    return languages;
  }
}

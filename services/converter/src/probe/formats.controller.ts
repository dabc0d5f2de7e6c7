import { formats } from '@mediajob/media';
import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';

@ApiTags('media')
@Controller('v1/formats')
export class FormatsController {
  @Get()
  @ApiOperation({ summary: 'Kinds of files that are taken, and formats that can be made.' })
  formats(): ReturnType<typeof formats> {
    return formats();
  }
}

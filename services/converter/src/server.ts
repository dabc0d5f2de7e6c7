import { bootstrapService } from '@mediajob/service/nest';
import { converterService } from './converter.service.js';

await bootstrapService(converterService());

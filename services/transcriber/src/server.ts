import { bootstrapService } from '@mediajob/service/nest';
import { transcriberService } from './transcriber.service.js';

await bootstrapService(transcriberService());

import { InjectContext, type ServiceContext } from '@mediajob/service/nest';
import { Controller, Get, Headers, Inject, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { EVENT_SOURCE, type EventSource, type NumberedEvent } from './event-source.js';

/** Live updates (Server-Sent Events), so that a page need not ask again and again. */
@ApiTags('events')
@Controller('api/v1/events')
export class EventsController {
  readonly #service: ServiceContext;
  readonly #events: EventSource;

  constructor(@InjectContext() service: ServiceContext, @Inject(EVENT_SOURCE) events: EventSource) {
    this.#service = service;
    this.#events = events;
  }

  @Get()
  @ApiOperation({ summary: 'ServerEvent objects; Last-Event-ID brings what was missed, or one reset' })
  async stream(@Headers('last-event-id') lastEventId: string | undefined, @Res() response: Response): Promise<void> {
    const stream = this.#service.streams.open(response);
    const send = ({ id, event }: NumberedEvent) => stream.send({ id, data: event });
    // Replay and subscription happen in one turn of the loop: nothing is lost or told twice in between.
    const missed = lastEventId === undefined ? [] : this.#events.replay(lastEventId);
    // A first reader gets an id as well: after a cut it can say where it was.
    if (missed === undefined || lastEventId === undefined) send({ id: this.#events.lastId, event: { type: 'reset' } });
    else for (const event of missed) send(event);
    const unsubscribe = this.#events.subscribe(send);
    await stream.closed;
    unsubscribe();
  }
}

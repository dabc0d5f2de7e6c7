import { ServerEvent } from '@mediajob/contract';

/** Reads a main's Server-Sent Events until it is closed. */
export class EventReader {
  readonly events: ServerEvent[] = [];
  readonly #abort = new AbortController();

  /** Returns when the first event, `reset`, is there: what happens from now on is told. */
  static async open(url: string): Promise<EventReader> {
    const reader = new EventReader();
    const answer = await fetch(`${url}/api/v1/events`, { signal: reader.#abort.signal });
    const body = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (body === undefined) throw new Error('the stream has no body');
    let text = '';
    const next = async (): Promise<boolean> => {
      const { value, done } = await body.read();
      if (done) return false;
      text += value;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) reader.events.push(ServerEvent.parse(JSON.parse(data)));
      }
      return true;
    };
    while (reader.events.length === 0 && (await next()));
    const readOn = async () => {
      while (await next());
    };
    void readOn().catch(() => undefined);
    return reader;
  }

  /** Of jobs alone: `job <uid> <phase>`, `job-deleted <uid>`. */
  get jobs(): string[] {
    return this.events.flatMap((event) => {
      if (event.type === 'job') return [`job ${event.job.metadata.uid} ${event.job.status.phase}`];
      return event.type === 'job-deleted' ? [`job-deleted ${event.id}`] : [];
    });
  }

  close(): void {
    this.#abort.abort();
  }
}

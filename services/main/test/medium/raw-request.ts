import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A request written byte by byte, so that a test can stop, cut or reset it wherever it likes. */
export class RawRequest {
  readonly socket: Socket;
  #received = '';

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1');
    });
    socket.on('error', () => {});
  }

  static async open(port: number): Promise<RawRequest> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawRequest(socket);
  }

  /** A PATCH of `length` bytes in all (chunked when left out), with its head sent and none of its body. */
  static async patch(port: number, location: string, offset: number, length?: number): Promise<RawRequest> {
    const request = await RawRequest.open(port);
    await request.write(
      [
        `PATCH ${location} HTTP/1.1`,
        `Host: 127.0.0.1:${port}`,
        'Tus-Resumable: 1.0.0',
        `Upload-Offset: ${offset}`,
        'Content-Type: application/offset+octet-stream',
        length === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`,
        '',
        '',
      ].join('\r\n'),
    );
    return request;
  }

  async write(data: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => this.socket.write(data, () => resolve()));
  }

  async writeChunk(data: Uint8Array): Promise<void> {
    await this.write(`${data.length.toString(16)}\r\n`);
    await this.write(data);
    await this.write('\r\n');
  }

  /** Status and body of the answer, once its head and all of its body are there. */
  async answer(): Promise<{ status: number; headers: string; body: string }> {
    for (;;) {
      const end = this.#received.indexOf('\r\n\r\n');
      if (end >= 0) {
        const headers = this.#received.slice(0, end);
        const body = this.#received.slice(end + 4);
        const length = Number(/content-length: (\d+)/i.exec(headers)?.[1] ?? 0);
        if (body.length >= length) return { status: Number(headers.split(' ')[1]), headers, body };
      }
      await Promise.race([
        once(this.socket, 'data'),
        once(this.socket, 'close').then(() => Promise.reject(new Error('cut off'))),
      ]);
    }
  }

  /** Whether the other side has ended the connection, once it has. */
  async closed(): Promise<void> {
    if (!this.socket.closed && !this.socket.readableEnded)
      await Promise.race([once(this.socket, 'end'), once(this.socket, 'close')]);
  }
}

import { Readable } from 'node:stream';
import { UploadError } from './upload-errors.js';

/** The same bytes, ended by UploadError upload-too-large when there are more than `maxBytes` of them. */
export function atMost(maxBytes: number, bytes: Readable): Readable {
  return Readable.from(limited(maxBytes, bytes), { objectMode: false });
}

async function* limited(maxBytes: number, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let sum = 0;
  for await (const chunk of bytes) {
    sum += chunk.byteLength;
    if (sum > maxBytes) {
      throw new UploadError('upload-too-large', `The file is larger than the ${maxBytes} bytes that are allowed here.`);
    }
    yield chunk;
  }
}

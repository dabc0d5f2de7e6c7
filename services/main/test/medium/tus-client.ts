/** As little of a tus client as tests need, so that they can misbehave. */
export const TUS = { 'tus-resumable': '1.0.0' };

/** A WAV of so many bytes: a true header, then noise. */
export function wav(bytes: number): Buffer<ArrayBuffer> {
  const data = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) data[i] = (i * 2_654_435_761) >>> 24;
  Buffer.from('RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00', 'latin1').copy(data);
  return data;
}

export async function begin(
  url: string,
  bytes: number | undefined,
  metadata: Record<string, string> = {},
): Promise<string> {
  const pairs = Object.entries(metadata).map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`);
  const answer = await fetch(`${url}/api/v1/uploads`, {
    method: 'POST',
    headers: {
      ...TUS,
      ...(bytes === undefined ? { 'upload-defer-length': '1' } : { 'upload-length': String(bytes) }),
      ...(pairs.length > 0 ? { 'upload-metadata': pairs.join(',') } : {}),
    },
  });
  if (answer.status !== 201) throw new Error(`POST answered ${answer.status}: ${await answer.text()}`);
  return answer.headers.get('location') ?? '';
}

export function send(
  url: string,
  location: string,
  offset: number,
  body: Uint8Array | ReadableStream,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}${location}`, {
    method: 'PATCH',
    headers: { ...TUS, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream', ...headers },
    body: body as BodyInit,
    duplex: 'half',
  } as RequestInit);
}

export async function offsetOf(url: string, location: string): Promise<number> {
  const answer = await fetch(`${url}${location}`, { method: 'HEAD', headers: TUS });
  if (answer.status !== 200) throw new Error(`HEAD answered ${answer.status}`);
  return Number(answer.headers.get('upload-offset'));
}

export async function upload(url: string, bytes: Uint8Array, metadata: Record<string, string> = {}): Promise<string> {
  const location = await begin(url, bytes.length, metadata);
  const answer = await send(url, location, 0, bytes);
  if (answer.status !== 204) throw new Error(`PATCH answered ${answer.status}: ${await answer.text()}`);
  return location;
}

export function idOf(location: string): string {
  return location.split('/').pop() ?? '';
}

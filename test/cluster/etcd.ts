import { request } from 'node:http';

/** Forgets every revision of the store but the newest. `socketPath`: where etcd listens for clients. */
export async function compactEtcd(socketPath: string): Promise<void> {
  const { header } = await ask<{ header: { revision: string } }>(socketPath, '/v3/kv/range', { key: 'AA==', limit: 1 });
  await ask(socketPath, '/v3/kv/compaction', { revision: header.revision, physical: true });
}

/** etcd's own JSON over HTTP. */
function ask<T>(socketPath: string, path: string, body: object): Promise<T> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, method: 'POST' }, async (answer) => {
      let text = '';
      for await (const part of answer.setEncoding('utf8')) text += part;
      if (answer.statusCode === 200) resolve(JSON.parse(text) as T);
      else reject(new Error(`etcd ${path}: ${answer.statusCode} ${text}`));
    });
    call.once('error', reject);
    call.end(JSON.stringify(body));
  });
}

import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { JobEnv, type ProgressReport } from '@mediajob/contract';
import { readText } from '@mediajob/storage';
import type { StepLogger } from './context.js';
import type { ReportAnswer, SendReport } from './progress-poster.js';

/** Where a Job's pod reports its progress to, and what it needs to do so. */
export interface ProgressTarget {
  /** https: */
  url: URL;
  /** Rotated by the platform: read for each report. */
  tokenFile: string;
  /** PEM. undefined: the system's. */
  ca: string | undefined;
}

const Settings = JobEnv.pick({
  MEDIAJOB_PROGRESS_URL: true,
  MEDIAJOB_PROGRESS_TOKEN_FILE: true,
  MEDIAJOB_PROGRESS_CA: true,
});

/** From the environment; undefined where nobody asked for reports, or where the settings are wrong: the log says so. */
export function progressTargetOf(env: NodeJS.ProcessEnv, log: StepLogger): ProgressTarget | undefined {
  if (!env.MEDIAJOB_PROGRESS_URL) return undefined;
  const wrong = (why: string) => {
    log.warn({ why }, 'progress is not reported: its settings are wrong');
    return undefined;
  };
  const parsed = Settings.safeParse({
    ...env,
    MEDIAJOB_PROGRESS_TOKEN_FILE: env.MEDIAJOB_PROGRESS_TOKEN_FILE || undefined,
    MEDIAJOB_PROGRESS_CA: env.MEDIAJOB_PROGRESS_CA || undefined,
  });
  if (!parsed.success) {
    return wrong(parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('; '));
  }
  const { MEDIAJOB_PROGRESS_URL: url, MEDIAJOB_PROGRESS_TOKEN_FILE: tokenFile, MEDIAJOB_PROGRESS_CA: ca } = parsed.data;
  if (url === undefined || tokenFile === undefined) return wrong('MEDIAJOB_PROGRESS_TOKEN_FILE is not set');
  return { url: new URL('v1/progress', url.endsWith('/') ? url : `${url}/`), tokenFile, ca };
}

const ANSWER_MAX_BYTES = 4096;

/** Reports over HTTPS with the pod's token; `close` ends the connection. */
export function httpsSender(target: ProgressTarget): { send: SendReport; close(): void } {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 1,
    minVersion: 'TLSv1.3',
    ...(target.ca === undefined ? {} : { ca: target.ca }),
  });
  return {
    send: async (report, signal) => post(target, agent, (await readText(target.tokenFile)).trim(), report, signal),
    close: () => agent.destroy(),
  };
}

function post(
  { url }: ProgressTarget,
  agent: Agent,
  token: string,
  report: ProgressReport,
  signal: AbortSignal,
): Promise<ReportAnswer> {
  const body = JSON.stringify(report);
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent, headers, signal }, (response) => {
      answerOf(response).then(resolve, reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function answerOf(response: IncomingMessage): Promise<ReportAnswer> {
  let text = '';
  for await (const piece of response.setEncoding('utf8')) if (text.length < ANSWER_MAX_BYTES) text += piece;
  const seconds = Number(response.headers['retry-after']);
  return {
    status: response.statusCode ?? 0,
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : undefined,
    detail: detailOf(text),
  };
}

function detailOf(text: string): string | undefined {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    return typeof detail === 'string' ? detail.slice(0, 500) : undefined;
  } catch {
    return undefined;
  }
}

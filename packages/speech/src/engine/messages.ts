import { WHISPER_LANGUAGES, type WhisperLanguage } from '@mediajob/contract';
import type {
  AudioWindow,
  DecodedSegment,
  DecodedToken,
  DecodeRequest,
  EngineInfo,
  LanguageProbability,
} from './engine.js';
import { EngineError, type EngineErrorCode } from './engine-error.js';

/** The JSON lines of native/PROTOCOL.md, seen from the host. */
export const PROTOCOL = 1;

export type Operation = { op: 'decode'; request: DecodeRequest } | { op: 'detect-language'; request: AudioWindow };

export type EngineMessage =
  | { event: 'ready'; info: EngineInfo }
  | { event: 'started'; id: string }
  | { event: 'progress'; id: string; fraction: number }
  | { event: 'segments'; id: string; segments: DecodedSegment[] }
  | { event: 'languages'; id: string; languages: LanguageProbability[] }
  | { event: 'error'; id?: string; code: string; message: string }
  | { event: 'pong'; id: string };

/** One line for the engine, newline included. */
export function lineOf(id: string, operation: Operation): string {
  const { wavPath, startMs, endMs } = operation.request;
  const audio = { op: operation.op, id, wav: wavPath, startMs, endMs };
  if (operation.op === 'detect-language') return `${JSON.stringify(audio)}\n`;
  const { language, task, prompt, options } = operation.request;
  return `${JSON.stringify({ ...audio, language, task, ...(prompt ? { prompt } : {}), options })}\n`;
}

export function cancelLineOf(id: string): string {
  return `${JSON.stringify({ op: 'cancel', id })}\n`;
}

export const SHUTDOWN_LINE = `${JSON.stringify({ op: 'shutdown' })}\n`;

/**
 * A line of the engine.
 * @throws EngineError `internal` when it is not of the protocol: another program, or another version of it.
 */
export function parseMessage(line: string): EngineMessage {
  try {
    const from = objectOf(JSON.parse(line), 'the line');
    const event = from.event;
    switch (event) {
      case 'ready':
        return { event, info: infoOf(from) };
      case 'started':
      case 'pong':
        return { event, id: stringOf(from.id, 'id') };
      case 'progress':
        return { event, id: stringOf(from.id, 'id'), fraction: numberOf(from.fraction, 'fraction') };
      case 'result': {
        const id = stringOf(from.id, 'id');
        if (from.languages !== undefined)
          return { event: 'languages', id, languages: listOf(from.languages, 'languages').map(languageOf) };
        return { event: 'segments', id, segments: listOf(from.segments, 'segments').map(segmentFrom) };
      }
      case 'error': {
        const error = { event, code: stringOf(from.code, 'code'), message: stringOf(from.message, 'message') } as const;
        return from.id === undefined ? error : { ...error, id: stringOf(from.id, 'id') };
      }
      default:
        throw new TypeError(`there is no event ${JSON.stringify(event)}`);
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('internal', `The engine wrote a line that is not of its protocol: ${why}`, { cause });
  }
}

const CODES = new Map<string, EngineErrorCode>(
  Object.entries({
    'bad-request': 'bad-request',
    'input-not-found': 'input-not-found',
    'bad-input': 'bad-input',
    'storage-error': 'storage-error',
    'model-not-found': 'model-not-found',
    'bad-model': 'bad-model',
    'device-unavailable': 'device-unavailable',
    'out-of-memory': 'out-of-memory',
    cancelled: 'interrupted',
  } as const),
);

/** Our error for an error of the engine; a code that we do not know is `internal`. */
export function errorOf(code: string, message: string): EngineError {
  return new EngineError(CODES.get(code) ?? 'internal', message);
}

function infoOf(from: Record<string, unknown>): EngineInfo {
  if (from.protocol !== PROTOCOL)
    throw new TypeError(`it speaks version ${String(from.protocol)} of the protocol, not ${PROTOCOL}`);
  const engine = objectOf(from.engine, 'engine');
  const model = objectOf(from.model, 'model');
  return {
    name: stringOf(engine.name, 'engine.name'),
    version: stringOf(engine.version, 'engine.version'),
    states: numberOf(from.states, 'states'),
    threads: numberOf(from.threads, 'threads'),
    multilingual: model.multilingual === true,
    languages: numberOf(model.languages, 'model.languages'),
  };
}

function segmentFrom(value: unknown): DecodedSegment {
  const from = objectOf(value, 'a segment');
  return {
    startMs: numberOf(from.startMs, 'startMs'),
    endMs: numberOf(from.endMs, 'endMs'),
    tokens: listOf(from.tokens, 'tokens').map(tokenFrom),
    noSpeechProbability: numberOf(from.noSpeechProbability, 'noSpeechProbability'),
    avgLogprob: numberOf(from.avgLogprob, 'avgLogprob'),
    temperature: numberOf(from.temperature, 'temperature'),
  };
}

function tokenFrom(value: unknown): DecodedToken {
  const from = objectOf(value, 'a token');
  return {
    id: numberOf(from.id, 'id'),
    bytes: Buffer.from(stringOf(from.bytes, 'bytes'), 'hex'),
    probability: numberOf(from.probability, 'probability'),
    startMs: numberOf(from.startMs, 'startMs'),
    endMs: numberOf(from.endMs, 'endMs'),
  };
}

function languageOf(value: unknown): LanguageProbability {
  const from = objectOf(value, 'a language');
  const language = stringOf(from.language, 'language');
  if (!(WHISPER_LANGUAGES as readonly string[]).includes(language))
    throw new TypeError(`there is no language ${language}`);
  return { language: language as WhisperLanguage, probability: numberOf(from.probability, 'probability') };
}

function objectOf(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`${name} is no object`);
  return value as Record<string, unknown>;
}

function listOf(value: unknown, name: string): unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${name} is no list`);
  return value;
}

function stringOf(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new TypeError(`${name} is no string`);
  return value;
}

function numberOf(value: unknown, name: string): number {
  if (typeof value !== 'number') throw new TypeError(`${name} is no number`);
  return value;
}

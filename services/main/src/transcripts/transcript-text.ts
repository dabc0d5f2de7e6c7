import type { SubtitleRules, TextFormat, Transcript } from '@mediajob/contract';
import { documentOfTranscript } from '@mediajob/speech/text';

/** A transcript in a text format, as the finalize step would have written it. */
export async function textOf(transcript: Transcript, format: TextFormat, rules: SubtitleRules): Promise<Buffer> {
  if (format === 'json') return Buffer.from(`${JSON.stringify(transcript)}\n`);
  const pieces: Buffer[] = [];
  for await (const piece of documentOfTranscript(transcript, format, rules)) pieces.push(piece);
  return Buffer.concat(pieces);
}

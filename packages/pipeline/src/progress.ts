import type { MediaJob, Progress, StageName, Usage } from '@mediajob/contract';
import { VIDEO_RENDITION_FORMATS } from '@mediajob/contract';
import type { StageGraph, StageView } from './stages.js';

/** What a second of media costs in each stage, relative to the others: measured roughly, for people only. */
const WEIGHTS = { convert: 1, transcribe: 20, finalize: 0.5, renderAudio: 2, renderVideo: 20 } as const;

function weightOf(stage: StageName, job: MediaJob): number {
  if (stage === 'render') {
    const picture = job.spec.convert.renditions.some((it) => VIDEO_RENDITION_FORMATS.includes(it.format));
    return picture ? WEIGHTS.renderVideo : WEIGHTS.renderAudio;
  }
  if (stage === 'cleanup') return 0;
  return WEIGHTS[stage];
}

/** Work done in a stage, 0 to 1. Shards take chunks in equal numbers, so each counts the same. */
export function stageFraction(stage: StageView): number {
  if (stage.state === 'done' || stage.state === 'skipped') return 1;
  if (stage.shards.length === 0) return 0;
  return stage.shards.reduce((sum, shard) => sum + shard.fraction, 0) / stage.shards.length;
}

/**
 * Progress of the whole job: seconds of media times what they cost in each stage. It never goes back within an attempt,
 * and only success is 100.
 * @param before progress of the same attempt, undefined at its start
 */
export function progressOf(job: MediaJob, graph: StageGraph, before: Progress | undefined, done: boolean): Progress {
  if (done) {
    const factor = realtimeFactor(graph) ?? before?.realtimeFactor;
    return { percent: 100, text: '100%', ...(factor === undefined ? {} : { realtimeFactor: factor }) };
  }
  let total = 0;
  let finished = 0;
  for (const stage of graph.stages) {
    const weight = weightOf(stage.name, job);
    total += weight;
    finished += weight * stageFraction(stage);
  }
  const percent = Math.max(before?.percent ?? 0, Math.min(99, floorTo(total === 0 ? 0 : (100 * finished) / total, 10)));
  const factor = realtimeFactor(graph) ?? before?.realtimeFactor;
  const eta = etaSeconds(graph);
  return {
    percent,
    text: `${Math.floor(percent)}%`,
    ...(factor === undefined ? {} : { realtimeFactor: factor }),
    ...(eta === undefined ? {} : { etaSeconds: eta, etaText: etaText(eta) }),
  };
}

/** Seconds of audio transcribed per second, over the shards that run now; of the last ones when none does. */
function realtimeFactor(graph: StageGraph): number | undefined {
  const transcribe = graph.stages.find((stage) => stage.name === 'transcribe');
  if (transcribe === undefined) return undefined;
  const running = runningFactor(transcribe);
  if (running !== undefined) return floorTo(running, 100);
  const [only, ...others] = transcribe.shards;
  const result = only?.run?.result;
  if (others.length === 0 && result?.stage === 'transcribe' && result.realtimeFactor !== undefined) {
    return floorTo(result.realtimeFactor, 100);
  }
  return undefined;
}

function runningFactor(stage: StageView): number | undefined {
  let sum = 0;
  for (const shard of stage.shards) {
    if (shard.state === 'running') sum += shard.run?.progress?.realtimeFactor ?? 0;
  }
  return sum > 0 ? sum : undefined;
}

/**
 * Seconds until the end: what is left of the audio, at the speed of now, of the slowest stage under way.
 * undefined when a stage under way tells no speed: no guess is better than a wrong one.
 */
function etaSeconds(graph: StageGraph): number | undefined {
  const durationMs = graph.converted?.media.durationMs;
  if (durationMs === undefined) return undefined;
  let longest: number | undefined;
  for (const stage of graph.stages) {
    if (stage.state === 'done' || stage.state === 'skipped' || stage.name === 'finalize') continue;
    const factor = runningFactor(stage);
    if (factor === undefined) return undefined;
    const seconds = ((1 - stageFraction(stage)) * durationMs) / 1000 / factor;
    longest = Math.max(longest ?? 0, seconds);
  }
  return longest === undefined ? undefined : Math.min(31_536_000, Math.ceil(longest));
}

/** 45s, 3m 20s, 2h 05m */
export function etaText(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  if (hours > 0) return `${hours}h ${String(minutes).padStart(2, '0')}m`;
  if (minutes > 0) return `${minutes}m ${String(seconds % 60).padStart(2, '0')}s`;
  return `${seconds}s`;
}

/** 0:42, 12:05, 1:02:03 */
export function durationText(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const [hours = 0, ...rest] = parts;
  const tail = hours > 0 ? rest.map((it) => String(it).padStart(2, '0')) : [String(rest[0]), pad(rest[1] ?? 0)];
  return [...(hours > 0 ? [String(hours)] : []), ...tail].join(':');
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

/** CPU time and memory of all runs of the attempt, earlier tries included. */
export function usageOf(graph: StageGraph, before: Usage | undefined): Usage | undefined {
  let cpuSeconds = 0;
  let maxRssBytes = 0;
  for (const stage of graph.stages) {
    for (const { run } of stage.shards) {
      if (run === undefined) continue;
      cpuSeconds += run.tally.cpuSeconds + (run.usage?.cpuSeconds ?? 0);
      maxRssBytes = Math.max(maxRssBytes, run.tally.maxRssBytes, run.usage?.maxRssBytes ?? 0);
    }
  }
  if (cpuSeconds === 0 && maxRssBytes === 0) return before;
  return {
    cpuSeconds: Math.max(before?.cpuSeconds ?? 0, Math.round(cpuSeconds * 100) / 100),
    maxRssBytes: Math.max(before?.maxRssBytes ?? 0, maxRssBytes),
  };
}

function floorTo(value: number, parts: number): number {
  return Math.floor(value * parts + 1e-9) / parts;
}

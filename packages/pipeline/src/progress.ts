import {
  type MediaJob,
  type Progress,
  type StageName,
  type StageStatus,
  type Usage,
  VIDEO_RENDITION_FORMATS,
} from '@mediajob/contract';
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

/** What progress is derived from. */
export interface ProgressFacts {
  readonly job: MediaJob;
  readonly graph: StageGraph;
  /** The stages as they will be shown; their times tell how fast they are. */
  readonly stages: readonly StageStatus[];
  /** Progress of the same attempt, undefined at its start. */
  readonly before: Progress | undefined;
  readonly done: boolean;
  /** ms of the epoch */
  readonly now: number;
}

/**
 * Progress of the whole job: seconds of media times what they cost in each stage. It never goes back within an attempt,
 * and only success is 100. Speed and what is left are told once for each bit of work done: looking again changes nothing.
 */
export function progressOf(facts: ProgressFacts): Progress {
  const { job, graph, before, done } = facts;
  if (done) return { percent: 100, text: '100%', ...speed(facts, before?.realtimeFactor) };
  let total = 0;
  let finished = 0;
  for (const stage of graph.stages) {
    const weight = weightOf(stage.name, job);
    total += weight;
    finished += weight * stageFraction(stage);
  }
  const percent = Math.max(before?.percent ?? 0, Math.min(99, floorTo(total === 0 ? 0 : (100 * finished) / total, 10)));
  const moved = percent !== before?.percent;
  const known = moved ? undefined : before.etaSeconds;
  const eta = isUnderWay(graph) ? (known ?? etaSeconds(facts)) : undefined;
  return {
    percent,
    text: `${Math.floor(percent)}%`,
    ...(moved ? speed(facts, before?.realtimeFactor) : speedOf(before.realtimeFactor)),
    ...(eta === undefined ? {} : { etaSeconds: eta, etaText: etaText(eta) }),
  };
}

/** Less than this tells nothing about speed. */
const LEAST_SECONDS = 2;
const LEAST_FRACTION = 0.02;

function isUnderWay(graph: StageGraph): boolean {
  return graph.stages.some((stage) => stage.shards.some((shard) => shard.state === 'running'));
}

function speed(facts: ProgressFacts, before: number | undefined): Pick<Progress, 'realtimeFactor'> {
  const transcribe = facts.graph.stages.find((stage) => stage.name === 'transcribe');
  return speedOf(transcribe === undefined ? undefined : (factorOf(transcribe, facts) ?? before));
}

function speedOf(factor: number | undefined): Pick<Progress, 'realtimeFactor'> {
  return factor === undefined ? {} : { realtimeFactor: floorTo(factor, 100) };
}

/**
 * Seconds of media per second in a stage: as its runs tell it, or as it is measured from its start on.
 * undefined when too little is known: no guess is better than a wrong one.
 */
function factorOf(stage: StageView, { graph, stages, now }: ProgressFacts): number | undefined {
  const running = stage.shards.filter((shard) => shard.state === 'running');
  const told = running.map((shard) => shard.run?.progress?.realtimeFactor ?? 0);
  if (told.length > 0 && told.every((factor) => factor > 0)) return told.reduce((sum, factor) => sum + factor);
  const [only, ...others] = stage.shards;
  const result = only?.run?.result;
  if (others.length === 0 && result?.stage === 'transcribe' && result.realtimeFactor !== undefined) {
    return result.realtimeFactor;
  }
  const shown = stages.find((it) => it.name === stage.name);
  const durationMs = graph.converted?.media.durationMs;
  // A source without any length takes no time that could be measured by it.
  if (shown?.startedAt === undefined || durationMs === undefined || durationMs === 0) return undefined;
  const end = shown.finishedAt === undefined ? now : Date.parse(shown.finishedAt);
  const seconds = (end - Date.parse(shown.startedAt)) / 1000;
  const fraction = stageFraction(stage);
  if (seconds < LEAST_SECONDS || fraction < LEAST_FRACTION) return undefined;
  return (fraction * durationMs) / 1000 / seconds;
}

/** Seconds until the end: what is left of the media, at the speed of now, of the slowest stage under way. */
function etaSeconds(facts: ProgressFacts): number | undefined {
  const { graph } = facts;
  const durationMs = graph.converted?.media.durationMs;
  if (durationMs === undefined || durationMs === 0) return undefined;
  let longest: number | undefined;
  for (const stage of graph.stages) {
    if (stage.state === 'done' || stage.state === 'skipped' || stage.name === 'finalize') continue;
    const factor = factorOf(stage, facts);
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

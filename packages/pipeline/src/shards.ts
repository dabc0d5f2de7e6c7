/** Names of shards end at 9999; a longer plan gets larger shards. */
const MOST_SHARDS = 10_000;

/** How many runs transcribe `chunks` chunks: 0 when there is nothing but silence. */
export function shardCount(chunks: number, chunksPerShard: number): number {
  return Math.min(MOST_SHARDS, Math.ceil(chunks / Math.max(1, chunksPerShard)));
}

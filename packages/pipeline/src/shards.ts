/** Names of shards end at 9999; a longer plan gets larger shards. */
const MOST_SHARDS = 10_000;

/** How many runs transcribe `chunks` chunks: 0 when there is nothing but silence. */
export function shardCount(chunks: number, chunksPerShard: number): number {
  return Math.min(MOST_SHARDS, Math.ceil(chunks / Math.max(1, chunksPerShard)));
}

/**
 * The chunks of one shard, from inclusive, to exclusive. Sizes differ by at most one, and depend on the two counts alone:
 * a changed setting never moves the borders of a job under way.
 */
export function shardChunks(shard: number, shards: number, chunks: number): { from: number; to: number } {
  return {
    from: Math.floor((shard * chunks) / shards),
    to: Math.floor(((shard + 1) * chunks) / shards),
  };
}

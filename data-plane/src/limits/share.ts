/**
 * A replica's part of what is allowed to all of them. Each counts in its own memory, so each may admit no more than a
 * fair part: added up, the parts never exceed the whole where it can be divided at all. A part is never less than one,
 * for a limit that is smaller than the number of replicas would otherwise let nothing through.
 *
 * The bound. While replicas agree on their number they admit together at most what is allowed, or one call each where
 * that is more. When the number rises, those that were there have counted against a larger part until their next
 * heartbeat: for that long, and for what they had admitted before, the sum may exceed the whole by the newcomers' parts.
 */
export function shareOf(max: number, replicas: number): number {
  return Math.min(max, Math.max(1, Math.floor(max / replicas)));
}

/** As `shareOf`, for amounts beyond 2^53. */
export function shareOfAmount(max: bigint, replicas: number): bigint {
  const part = max / BigInt(replicas);
  if (part >= 1n) return part;
  return max < 1n ? max : 1n;
}

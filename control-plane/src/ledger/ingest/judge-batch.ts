/**
 * What becomes of a well-formed batch, given how far its stream has come. Pure: the same stream and batch always get
 * the same verdict.
 */
import type { Id, UsageBatchHeader, UsageEvent } from "@headgate/sdk/contract";

export interface StreamState {
  readonly dataPlaneId: Id<"dataPlane">;
  readonly writerEpoch: number;
  readonly ackedSeq: number;
  readonly totals: Readonly<Record<string, string>>;
}

export type BatchVerdict =
  /** It continues the stream and may be applied. */
  | { readonly kind: "continues" }
  /** All of it was applied before: acknowledged again if nothing in it has changed. */
  | { readonly kind: "repeats"; readonly ackedSeq: number }
  | { readonly kind: "gap"; readonly expectedSeq: number }
  | { readonly kind: "fenced" }
  | { readonly kind: "invalid"; readonly reason: string };

export interface BatchInQuestion {
  readonly header: UsageBatchHeader;
  readonly events: readonly UsageEvent[];
  /** Sum over the events of this batch alone. */
  readonly totals: ReadonlyMap<string, bigint>;
}

/**
 * How far an event may lie after the arrival of its batch: more than clocks are wrong by. It may lie any time before,
 * for a stream never goes past a batch, and usage that waited long is usage all the same.
 */
export const EVENT_AHEAD_MS_MAX = 24 * 3_600_000;

export function judgeBatch(
  stream: StreamState | undefined,
  { header, events, totals }: BatchInQuestion,
  from: { readonly dataPlaneId: Id<"dataPlane">; readonly receivedAt: number },
): BatchVerdict {
  if (stream !== undefined && stream.dataPlaneId !== from.dataPlaneId)
    return { kind: "invalid", reason: "the stream belongs to another data plane" };
  if (stream !== undefined && header.writer_epoch < stream.writerEpoch) return { kind: "fenced" };
  const ackedSeq = stream?.ackedSeq ?? 0;
  if (header.last_seq <= ackedSeq) return { kind: "repeats", ackedSeq };
  if (header.first_seq !== ackedSeq + 1) return { kind: "gap", expectedSeq: ackedSeq + 1 };
  if (!totalsAddUp(stream?.totals ?? {}, totals, header.totals))
    return { kind: "invalid", reason: "totals are not those of the stream and this batch" };
  const latest = from.receivedAt + EVENT_AHEAD_MS_MAX;
  const misplaced = events.find(({ started_at }) => started_at > latest);
  if (misplaced !== undefined)
    return { kind: "invalid", reason: `event ${misplaced.seq}: started_at is in the future` };
  return { kind: "continues" };
}

/** True when `after` = `before` + `added`. A dimension that is not named counts zero. */
function totalsAddUp(
  before: Readonly<Record<string, string>>,
  added: ReadonlyMap<string, bigint>,
  after: Readonly<Record<string, string>>,
): boolean {
  const left = new Map<string, bigint>(added);
  for (const [dimension, total] of Object.entries(before))
    left.set(dimension, (left.get(dimension) ?? 0n) + BigInt(total));
  for (const [dimension, total] of Object.entries(after))
    left.set(dimension, (left.get(dimension) ?? 0n) - BigInt(total));
  return [...left.values()].every((difference) => difference === 0n);
}

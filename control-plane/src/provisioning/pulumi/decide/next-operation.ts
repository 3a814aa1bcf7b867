/** What is to be done to a stack next: a pure function of its row, of what is wanted, and of the time. */
import type { Id } from "@headgate/sdk/contract";
import type { stacks } from "../../../db/schema/provisioning.ts";
import { shareOf } from "../../../lib/share-of.ts";
import type { OperationJob } from "../process/operation-job.ts";
import { type FailureClass, retryAt } from "./classify-failure.ts";
import { differsInSharedOnly } from "./desired-digest.ts";

export type StackRow = typeof stacks.$inferSelect;

export interface NextOperation {
  readonly mode: OperationJob["mode"];
  readonly reason: "created" | "changed" | "drift" | "swept" | "drained" | "deleted" | "recovery" | "asked";
  /** Looks at what is really there first. */
  readonly refresh: boolean;
  /** The row in which somebody has asked for it. */
  readonly askedBy?: Id<"operation">;
}

export interface Situation {
  readonly stack: StackRow;
  /** The operation that changed something last, or was to. */
  readonly last: { readonly error_class: FailureClass | null; readonly ended_at: number | null } | undefined;
  readonly now: number;
  /** Null while it cannot be said, as when the region is not known. */
  readonly digest: string | null;
  /** The oldest that somebody has asked for. */
  readonly asked:
    | { readonly id: Id<"operation">; readonly kind: "up" | "preview" | "refresh" | "destroy" }
    | undefined;
  /** When what is shared with the region was last changed. */
  readonly sharedChangedAt: number;
  readonly timing: OperationTiming;
}

export interface OperationTiming {
  /** Between two looks for drift; 0 for none. */
  readonly driftMs: number;
  readonly repairsDrift: boolean;
  /** Over how long a change of what is shared is spread. */
  readonly spreadMs: number;
}

/** For a data plane that is to be there. */
export function nextForLiving(situation: Situation): NextOperation | undefined {
  const { stack, digest, asked } = situation;
  if (digest === null) return undefined;
  if (asked !== undefined) return forAsked(asked);
  if (stack.failed_digest === digest && mustWait(situation)) return undefined;
  // Clearing the traces of what was cut off includes a look at what is there.
  if (stack.interrupted) return { mode: "up", reason: "recovery", refresh: false };
  if (stack.applied_digest === null) return { mode: "up", reason: "created", refresh: false };
  if (stack.applied_digest !== digest)
    return mayFollow(situation, digest) ? { mode: "up", reason: "changed", refresh: false } : undefined;
  // Something else was tried since, and nobody knows how much of it is there.
  if (stack.failed_digest !== null) return { mode: "up", reason: "changed", refresh: false };
  if ((stack.drift ?? []).length > 0)
    return situation.timing.repairsDrift ? { mode: "up", reason: "drift", refresh: true } : sweep(situation);
  return sweep(situation);
}

/** Whether the last thing that was done, or tried, was to bring just this about, and it is done. */
export function isBroughtAbout(stack: StackRow, digest: string | null): boolean {
  const { applied_digest: applied, failed_digest: failed, interrupted } = stack;
  return applied !== null && applied === digest && failed === null && !interrupted;
}

/** For one that is to go, once its usage is in or cannot come any more. */
export function nextForLeaving(
  situation: Pick<Situation, "stack" | "last" | "now">,
  { usageIsIn }: { usageIsIn: boolean },
): NextOperation | undefined {
  const { stack, now } = situation;
  if (stack.destroyed_at !== null || mustWait(situation)) return undefined;
  if (stack.drained_at === null) return { mode: "drain", reason: "drained", refresh: false };
  if (!usageIsIn && now - stack.drained_at < LAST_USAGE_MS) return undefined;
  return { mode: "destroy", reason: "deleted", refresh: false };
}

/** For usage that is on its way when the replicas have ended. What has not come by then was not sent. */
const LAST_USAGE_MS = 10_000;

/** After a failure, for as long as its kind and the failures before it say. */
function mustWait({ stack, last, now }: Pick<Situation, "stack" | "last" | "now">): boolean {
  if (stack.failures === 0 || last?.error_class == null || last.ended_at === null) return false;
  const failure = { kind: last.error_class, endedAt: last.ended_at };
  return now < retryAt(failure, stack.failures, stack.data_plane_id);
}

function forAsked({ id, kind }: NonNullable<Situation["asked"]>): NextOperation | undefined {
  if (kind === "preview") return { mode: "preview", reason: "asked", refresh: false, askedBy: id };
  if (kind === "refresh") return { mode: "drift", reason: "asked", refresh: true, askedBy: id };
  return { mode: "up", reason: "asked", refresh: false, askedBy: id };
}

function mayFollow({ stack, now, sharedChangedAt, timing }: Situation, digest: string): boolean {
  if (stack.applied_digest === null || !differsInSharedOnly(stack.applied_digest, digest)) return true;
  return now >= sharedChangedAt + shareOf(`${stack.data_plane_id}|${digest}`) * timing.spreadMs;
}

function sweep({ stack, now, timing }: Situation): NextOperation | undefined {
  const since = Math.max(stack.drift_checked_at ?? 0, stack.applied_at ?? 0);
  const part = 0.8 + 0.4 * shareOf(`${stack.data_plane_id}|${since}`);
  if (timing.driftMs === 0 || now < since + timing.driftMs * part) return undefined;
  return { mode: "drift", reason: "swept", refresh: true };
}

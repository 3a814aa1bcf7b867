/** Why an operation failed, in one of six words that say what to do next: a pure function of what is known. */
import { backoffMs } from "@headgate/sdk/backoff";
import type { FAILURE_CLASSES } from "../../../db/schema/provisioning.ts";
import { shareOf } from "../../../lib/share-of.ts";

export type FailureClass = (typeof FAILURE_CLASSES)[number];

export interface Failure {
  /** Who ended it before its end, if somebody did. */
  readonly stopped: "deadline" | "lease" | "asked" | null;
  /** False when the process ended without saying how. */
  readonly reported: boolean;
  readonly errorName: string | null;
  readonly message: string;
}

/**
 * `quota`: a quota of the tenant or of the cluster is used up. `conflict`: something else owns an object or a field.
 * `timeout`: the cluster did not do in time what was asked of it. `refused`: the cluster, a policy or we ourselves say
 * no to it, and will do so again. `interrupted`: it was cut off, so traces are to be cleared first. `retryable`: the rest.
 */
export function classifyFailure({ stopped, reported, errorName, message }: Failure): FailureClass {
  if (!reported || stopped === "lease" || stopped === "asked") return "interrupted";
  if (stopped === "deadline") return "timeout";
  if (errorName === "PlanRefused") return "refused";
  // A lock that nobody gave back: whoever holds the lease may clear it.
  if (errorName === "ConcurrentUpdateError" || LOCKED.test(message)) return "interrupted";
  return RULES.find(([pattern]) => pattern.test(message))?.[1] ?? "retryable";
}

const LOCKED = /the stack is currently locked by|another update is currently in progress/i;

/** In this order: a quota is also a 403, and an await that fails for a quota also says that it timed out. */
const RULES: readonly [RegExp, FailureClass][] = [
  [
    /exceeded quota|quota exceeded|insufficient quota|FailedCreate.*quota|LimitExceeded|must specify (limits|requests)\./i,
    "quota",
  ],
  [/\b0\/\d+ nodes are available|Insufficient (cpu|memory|pods|ephemeral-storage)/i, "quota"],
  [/maximum (cpu|memory) usage per (Container|Pod) is|minimum (cpu|memory) usage per/i, "refused"],
  [
    /violates PodSecurity|admission webhook .* denied|ValidatingAdmissionPolicy .* denied|policy violation|policy [\w-]+:.*mandatory/i,
    "refused",
  ],
  [/is being terminated|NamespaceTerminating/i, "retryable"],
  [
    /already exists|AlreadyExists|conflict with |Apply failed with \d+ conflict|the object has been modified|field is immutable.*conflict|server-side apply field conflict/i,
    "conflict",
  ],
  [
    /field is immutable|is invalid:|Invalid value:|Unsupported value|unknown field|no matches for kind|strict decoding error/i,
    "refused",
  ],
  [
    /is forbidden:|Forbidden|Unauthorized|You must be logged in|cannot (create|get|list|patch|update|delete) resource/i,
    "refused",
  ],
  [/ImagePullBackOff|ErrImagePull|InvalidImageName/i, "timeout"],
  [
    /timed out waiting|timeout(?! while|: connect)|did not become ready|ProgressDeadlineExceeded|deadline exceeded|Resource operation was cancelled|not become (available|live)|minimum number of live Pods|initialization: \d+ errors? occurred/i,
    "timeout",
  ],
];

/** When what has failed so many times in a row is tried again, in Unix milliseconds. */
export function retryAt(
  { kind, endedAt }: { kind: FailureClass; endedAt: number },
  failures: number,
  key: string,
): number {
  // What was cut off is taken up at once, but not for ever.
  if (kind === "interrupted" && failures <= 1) return endedAt;
  return (
    endedAt +
    backoffMs({ firstMs: FIRST_MS[kind], maxMs: LONGEST_MS }, failures, shareOf(`${key}|${failures}`))
  );
}

const LONGEST_MS = 10 * 60_000;

const FIRST_MS: Readonly<Record<FailureClass, number>> = {
  interrupted: 1_000,
  retryable: 3_000,
  timeout: 5_000,
  conflict: 10_000,
  quota: 30_000,
  refused: 120_000,
};

/** The reason in a condition. */
export const REASON_OF: Readonly<Record<FailureClass, string>> = {
  quota: "QuotaExceeded",
  conflict: "Conflict",
  timeout: "TimedOut",
  refused: "Refused",
  retryable: "Retrying",
  interrupted: "Interrupted",
};

/** What is said of a data plane on a cluster: a pure function of its rows. */
import { type Observation, SILENCE_MS, type Verdict, verdict } from "../../../data-planes/status.ts";
import { ABSENT } from "../../provisioner.ts";
import type { StackFacts } from "../store/repository.ts";
import { REASON_OF } from "./classify-failure.ts";
import { isBroughtAbout } from "./next-operation.ts";
import { endpointOf } from "./stack-outputs.ts";

export interface Sight {
  readonly facts: StackFacts;
  readonly now: number;
  /** What is wanted; null while that cannot be said, for the reason in `trouble`. */
  readonly digest: string | null;
  readonly trouble: string;
  /** It waits for room among the operations. */
  readonly inLine: boolean;
}

export function observeStack(sight: Sight): Observation {
  const { facts, now, digest } = sight;
  const { stack } = facts;
  if (stack === undefined || stack.destroyed_at !== null)
    return { ...ABSENT, conditions: [provisioned(sight)] };
  const there = stack.applied_digest !== null;
  return {
    phase: there ? "running" : "provisioning",
    ready: there && facts.replicas.some((replica) => serves(replica, now)),
    current: isBroughtAbout(stack, digest),
    endpointUrl: endpointOf(stack.outputs),
    adminUrl: null,
    restarts: 0,
    message: "",
    conditions: [provisioned(sight), inSync(stack)],
  };
}

function serves(
  { last_heartbeat: last, last_heartbeat_at: at }: StackFacts["replicas"][number],
  now: number,
) {
  return (
    last !== null &&
    at !== null &&
    now - at <= SILENCE_MS &&
    last.state === "ready" &&
    last.applied_revision > 0
  );
}

function provisioned({ facts: { stack, last }, digest, trouble, inLine }: Sight): Verdict {
  const said = (status: Verdict["status"], reason: string, message = "") =>
    verdict("Provisioned", status, reason, message.slice(0, MESSAGE_CHARS_MAX));
  const status = stack !== undefined && isBroughtAbout(stack, digest) ? "true" : "false";
  if (trouble !== "") return said("false", "Unknown", trouble);
  if (last?.state === "running") return said(status, last.kind === "destroy" ? "Removing" : "Updating");
  if (stack !== undefined && stack.failures > 0 && last?.error_class != null)
    return said("false", REASON_OF[last.error_class], last.message);
  if (status === "true") return said("true", "Running");
  return said("false", inLine ? "Queued" : "Pending");
}

const MESSAGE_CHARS_MAX = 1_000;

function inSync({ drift, applied_digest: applied }: NonNullable<StackFacts["stack"]>): Verdict {
  if (applied === null) return verdict("InSync", "unknown", "NotApplied");
  if (drift === null) return verdict("InSync", "unknown", "NotChecked");
  if (drift.length === 0) return verdict("InSync", "true", "NoDrift");
  const named = drift.slice(0, 10).map(({ resource, change }) => `${resource}: ${change}`);
  return verdict("InSync", "false", "Drifted", named.join(", "));
}

import type { DenialFacts, DenyCode, Id } from "@headgate/sdk/contract";

/** Why the policy refuses a call. A denial is a value; it ends the admission and is answered like any result. */
export interface Refusal {
  readonly code: DenyCode;
  readonly policyId?: Id<"rule"> | Id<"limit"> | Id<"budget">;
  /** What its owner calls that, where it is a rule. */
  readonly policyName?: string;
  readonly parameter?: string;
  /** Milliseconds after which the same call may be admitted. */
  readonly retryAfterMs?: number | undefined;
  readonly facts?: DenialFacts;
  /** Methods for a 405's `Allow`. */
  readonly allow?: string;
}

import type { DenialFacts, DenyCode, Id } from "@headgate/sdk/contract";

/** Why the policy refuses a call. A denial is a value; it ends the admission and is answered like any result. */
export interface Refusal {
  readonly code: DenyCode;
  readonly policyId?: Id<"rule"> | Id<"limit"> | Id<"budget">;
  /** What its owner calls that. */
  readonly policyName?: string;
  readonly parameter?: string;
  /** What is told in place of the code's own text. Never the caller's own values. */
  readonly message?: string;
  /** Milliseconds after which the same call may be admitted. */
  readonly retryAfterMs?: number | undefined;
  readonly facts?: DenialFacts;
  /** Methods for a 405's `Allow`. */
  readonly allow?: string;
}

/** What the owner of a limit or a budget calls it, for a refusal. */
export function namedIn(
  rows: readonly { readonly id: string; readonly name: string }[],
  id: string,
): Pick<Refusal, "policyName"> {
  const row = rows.find((one) => one.id === id);
  return row === undefined ? {} : { policyName: row.name };
}

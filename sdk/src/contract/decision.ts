/** How a data plane's policy says no, and how the tenant is told of calls that got no answer. */
import { z } from "zod";
import type { ErrorCode } from "./error-codes.ts";
import { idOf } from "./ids.ts";
import { freeText } from "./text.ts";

/** The codes with which a policy says no, as opposed to a fault: all of these areas, and of the others those named. */
export type DenyCode = Extract<
  ErrorCode,
  | `${"auth" | "tenant" | "request" | "model" | "access" | "limit" | "budget" | "price" | "idempotency"}.${string}`
  | `gateway.${"overloaded" | "draining" | "not_configured" | "usage_unavailable"}`
  | "upstream.unavailable"
>;

const figure = z.string().max(64).optional();

/** Figures that a refused caller is shown; amounts are decimal strings. */
export const denialFacts = z.strictObject({
  limit: figure,
  spent: figure,
  held: figure,
  /** What the call might have needed. */
  needed: figure,
  unit: z.enum(["usd", "tokens", "requests", "calls"]).optional(),
  window: figure,
  /** RFC 3339. */
  resets_at: figure,
});
export type DenialFacts = Readonly<z.infer<typeof denialFacts>>;

/** A call that was refused, or that failed: what its caller was told, and by which policy. Never what it said. */
export const decision = z.strictObject({
  decision_id: idOf("decision"),
  request_id: idOf("request"),
  /** Unix milliseconds at which the call came, by the data plane's clock. */
  at: z.number().int().nonnegative(),
  /** A code of the error table. */
  code: z.string().regex(/^[a-z_]{1,32}\.[a-z_]{1,32}$/),
  /** Of the answer; 0 where there was nobody left to answer. */
  status: z.number().int().min(0).max(599),
  revision: z.number().int().positive(),
  /** Absent while it is not known who calls. */
  agent_id: idOf("agent").optional(),
  key_id: idOf("key").optional(),
  endpoint: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,63}$/)
    .optional(),
  /** The model or what else was called, once it was found in the policy. */
  called: freeText(128).optional(),
  policy_id: z.union([idOf("rule"), idOf("limit"), idOf("budget")]).optional(),
  parameter: freeText(128).optional(),
  facts: denialFacts.optional(),
});
export type Decision = z.infer<typeof decision>;

export const DECISIONS_PER_REPORT = 200;

/** What a replica tells every few seconds, where there is anything to tell. It is not told again once it was taken. */
export const decisionReport = z.strictObject({
  decisions: z.array(decision).max(DECISIONS_PER_REPORT),
  /** How many more there were since the report before: of many alike a few are told. */
  left_out: z.number().int().nonnegative(),
});
export type DecisionReport = z.infer<typeof decisionReport>;

/**
 * The outcome of the policy for one request. Every request gets exactly one, with an id that the caller sees
 * (`x-headgate-decision`) and that the audit record carries.
 */
import { z } from "zod";
import type { ErrorCode } from "./error-codes.ts";
import { idOf } from "./ids.ts";

/** The codes with which a policy says no, as opposed to a fault. */
export const DENY_CODES = [
  "auth.missing_credential",
  "auth.invalid_credential",
  "auth.conflicting_credentials",
  "auth.agent_disabled",
  "tenant.suspended",
  "request.malformed",
  "request.duplicate_header",
  "request.bad_path",
  "request.misdirected",
  "request.headers_too_large",
  "request.timeout",
  "request.unknown_endpoint",
  "request.method_not_allowed",
  "request.body_too_large",
  "request.unsupported_encoding",
  "request.unsupported_media_type",
  "request.invalid_json",
  "request.duplicate_key",
  "request.forbidden_key",
  "request.too_deep",
  "request.invalid_number",
  "request.invalid_unicode",
  "request.invalid_parameter",
  "model.not_found",
  "model.wrong_dialect",
  "access.denied",
  "access.rule_failed",
  "access.scope_unresolved",
  "limit.requests",
  "limit.tokens",
  "limit.concurrency",
  "budget.exhausted",
  "price.unknown",
  "idempotency.in_progress",
  "idempotency.mismatch",
  "gateway.overloaded",
  "gateway.draining",
  "gateway.not_configured",
  "gateway.usage_unavailable",
  "upstream.unavailable",
] as const satisfies readonly ErrorCode[];
export type DenyCode = (typeof DENY_CODES)[number];

/** Figures that a refused caller is shown; amounts are decimal strings. */
export const denialFacts = z.strictObject({
  limit: z.string().optional(),
  spent: z.string().optional(),
  held: z.string().optional(),
  unit: z.enum(["usd", "tokens", "requests", "calls"]).optional(),
  window: z.string().optional(),
  /** RFC 3339. */
  resets_at: z.string().optional(),
});
export type DenialFacts = z.infer<typeof denialFacts>;

export const decision = z.discriminatedUnion("outcome", [
  z.strictObject({
    outcome: z.literal("allow"),
    decision_id: idOf("decision"),
  }),
  z.strictObject({
    outcome: z.literal("deny"),
    decision_id: idOf("decision"),
    code: z.enum(DENY_CODES),
    /** The rule, limit or budget that said no. */
    policy_id: z.union([idOf("rule"), idOf("limit"), idOf("budget")]).optional(),
    /** The parameter at fault, by its name in the request. */
    parameter: z.string().max(200).optional(),
    /** Whole seconds, 1 to 60. */
    retry_after_seconds: z.number().int().min(1).max(60).optional(),
    facts: denialFacts.optional(),
  }),
  /** Answered by the gateway itself, without a provider: the list of models. */
  z.strictObject({
    outcome: z.literal("answer"),
    decision_id: idOf("decision"),
  }),
]);
export type Decision = z.infer<typeof decision>;
export type Denial = Extract<Decision, { outcome: "deny" }>;

/** How a data plane's policy says no. */
import type { ErrorCode } from "./error-codes.ts";

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
export interface DenialFacts {
  readonly limit?: string;
  readonly spent?: string;
  readonly held?: string;
  readonly unit?: "usd" | "tokens" | "requests" | "calls";
  readonly window?: string;
  /** RFC 3339. */
  readonly resets_at?: string;
}

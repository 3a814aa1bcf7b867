/** How a data plane's policy says no. */
import type { ErrorCode } from "./error-codes.ts";

/** The codes with which a policy says no, as opposed to a fault: all of these areas, and of the others those named. */
export type DenyCode = Extract<
  ErrorCode,
  | `${"auth" | "tenant" | "request" | "model" | "access" | "limit" | "budget" | "price" | "idempotency"}.${string}`
  | `gateway.${"overloaded" | "draining" | "not_configured" | "usage_unavailable"}`
  | "upstream.unavailable"
>;

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

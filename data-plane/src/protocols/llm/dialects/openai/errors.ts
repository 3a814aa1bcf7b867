/**
 * `{"error": {message, type, param, code, ...}}`. The type follows from the status. The code is null for requests that are
 * at fault, and else the last part of our own code, led by `upstream_` where the provider is meant; exceptions are listed.
 */
import { type ErrorCode, errorRow } from "@headgate/sdk/contract";
import { member } from "../../../../lib/json/member.ts";
import type { ErrorFacts } from "../../../reply-style.ts";

const CODES: Partial<Record<ErrorCode, string>> = {
  "auth.missing_credential": "invalid_api_key",
  "auth.invalid_credential": "invalid_api_key",
  "api.unauthenticated": "invalid_api_key",
  "api.not_found": "not_found",
  "tenant.suspended": "tenant_suspended",
  "access.denied": "access_denied",
  "price.unknown": "price_unknown",
  "request.unknown_endpoint": "unknown_url",
  "model.not_found": "model_not_found",
  "idempotency.in_progress": "idempotency_in_progress",
  "idempotency.not_kept": "idempotency_not_kept",
  "limit.requests": "rate_limit_exceeded",
  "limit.tokens": "rate_limit_exceeded",
  "limit.concurrency": "rate_limit_exceeded",
  "api.rate_limited": "rate_limit_exceeded",
  "budget.exhausted": "insufficient_quota",
  "gateway.internal": "internal_error",
  "api.internal": "internal_error",
  "upstream.timeout": "timeout",
  "upstream.unavailable": "overloaded",
};

export function statusOf(code: ErrorCode): number {
  return errorRow(code).status;
}

export function errorBody({ code, status, message, parameter, about }: ErrorFacts): object {
  return {
    error: { message, type: typeOf(code, status), param: parameter ?? null, code: codeOf(code), ...about },
  };
}

function typeOf(code: ErrorCode, status = errorRow(code).status): string {
  if (code === "budget.exhausted") return "insufficient_quota";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

/** What the dialect puts in `code`. */
export function codeOf(code: ErrorCode): string | null {
  const exception = CODES[code];
  if (exception !== undefined) return exception;
  if (typeOf(code) === "invalid_request_error") return null;
  const [area, name = ""] = code.split(".");
  return area === "upstream" ? `upstream_${name}` : name;
}

/** Whether this is an error as the dialect's clients know it. */
export function isOwnError(body: unknown): boolean {
  return typeof member(member(body, "error"), "message") === "string";
}

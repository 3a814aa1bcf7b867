/**
 * `{"type": "error", "error": {type, message, ...}, "request_id"}`. The type follows from the status, and so does the
 * dialect's own status for what is overloaded; exceptions are listed.
 */
import { type ErrorCode, errorRow } from "@headgate/sdk/contract";
import { member } from "../../../../lib/json/member.ts";
import type { ErrorFacts } from "../../../reply-style.ts";

const OVERLOADED = 529;
const TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
};

export function statusOf(code: ErrorCode): number {
  if (code === "budget.exhausted") return 402;
  const { status } = errorRow(code);
  return status === 503 ? OVERLOADED : status;
}

export function errorBody({ code, status, message, parameter, requestId, about }: ErrorFacts): object {
  const named = parameter === undefined ? {} : { parameter };
  return {
    type: "error",
    error: { type: typeOf(code, status), message, ...named, ...about },
    request_id: requestId,
  };
}

function typeOf(code: ErrorCode, status = errorRow(code).status): string {
  if (code === "budget.exhausted") return "billing_error";
  // These are not about the caller of a model.
  if (code === "join.invalid_token" || code === "join.invalid_assertion") return "invalid_request_error";
  return TYPES[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
}

/** Whether this is an error as the dialect's clients know it. */
export function isOwnError(body: unknown): boolean {
  const error = member(body, "error");
  return (
    member(body, "type") === "error" &&
    typeof member(error, "type") === "string" &&
    typeof member(error, "message") === "string"
  );
}

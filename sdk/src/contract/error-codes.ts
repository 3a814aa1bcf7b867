/**
 * Every error that Headgate answers with: one row, one meaning, for ever. A retired code stays listed and is never
 * used again. `status` is the HTTP status; a dialect that wants another one says so in its own column.
 * `blame` says who can mend it: the caller, the tenant's configuration, capacity that was bought, the provider, or us.
 */
export type Blame = "client" | "config" | "capacity" | "upstream" | "platform";

export interface ErrorRow {
  readonly status: number;
  readonly blame: Blame;
  /** Whether the same request may succeed later without a change. */
  readonly retryable: boolean;
  /** Shown to callers. Never built from internal text. */
  readonly text: string;
  /** What the OpenAI dialect puts in `type` and `code`. */
  readonly openai: readonly [type: string, code: string | null];
  /** What the Anthropic dialect puts in `type`, and its status where it differs. */
  readonly anthropic: readonly [type: string, status?: number];
}

const INVALID = ["invalid_request_error", null] as const;
const ANTHROPIC_INVALID = ["invalid_request_error"] as const;

function invalid(status: number, text: string): ErrorRow {
  return {
    status,
    blame: "client",
    retryable: false,
    text,
    openai: INVALID,
    anthropic: ANTHROPIC_INVALID,
  };
}

export const ERROR_CODES = {
  "auth.missing_credential": {
    status: 401,
    blame: "client",
    retryable: false,
    text: "No API key was given.",
    openai: ["invalid_request_error", "invalid_api_key"],
    anthropic: ["authentication_error"],
  },
  "auth.invalid_credential": {
    status: 401,
    blame: "client",
    retryable: false,
    text: "The API key is not valid.",
    openai: ["invalid_request_error", "invalid_api_key"],
    anthropic: ["authentication_error"],
  },
  "auth.conflicting_credentials": invalid(400, "The request carries two different credentials."),
  "auth.agent_disabled": {
    status: 403,
    blame: "config",
    retryable: false,
    text: "The agent that this key belongs to is disabled.",
    openai: ["permission_error", "agent_disabled"],
    anthropic: ["permission_error"],
  },
  "tenant.suspended": {
    status: 403,
    blame: "config",
    retryable: false,
    text: "This organisation's access is suspended.",
    openai: ["permission_error", "tenant_suspended"],
    anthropic: ["permission_error"],
  },
  "request.malformed": invalid(400, "The request is not well-formed HTTP."),
  "request.duplicate_header": invalid(400, "A header that may appear once appears more than once."),
  "request.bad_path": invalid(400, "The request path is not in normal form."),
  "request.misdirected": invalid(421, "This gateway does not serve that authority."),
  "request.headers_too_large": invalid(431, "The request's headers are too large."),
  "request.timeout": invalid(408, "The request did not arrive in time."),
  "request.unknown_endpoint": {
    status: 404,
    blame: "client",
    retryable: false,
    text: "There is no such endpoint.",
    openai: ["invalid_request_error", "unknown_url"],
    anthropic: ["not_found_error"],
  },
  "request.method_not_allowed": invalid(405, "This endpoint does not take that method."),
  "request.body_too_large": {
    status: 413,
    blame: "client",
    retryable: false,
    text: "The request body is larger than allowed.",
    openai: INVALID,
    anthropic: ["request_too_large"],
  },
  "request.unsupported_encoding": invalid(415, "Compressed request bodies are not accepted."),
  "request.unsupported_media_type": invalid(415, "The request body must be application/json."),
  "request.invalid_json": invalid(400, "The request body is not valid JSON."),
  "request.duplicate_key": invalid(400, "A JSON object in the request body names a member twice."),
  "request.forbidden_key": invalid(400, "The request body uses a member name that is not allowed."),
  "request.too_deep": invalid(400, "The request body is nested too deeply."),
  "request.invalid_number": invalid(400, "The request body contains a number out of range."),
  "request.invalid_unicode": invalid(400, "The request body contains text that is not valid Unicode."),
  "request.invalid_parameter": invalid(400, "A parameter has a value that is not allowed."),
  "model.not_found": {
    status: 404,
    blame: "client",
    retryable: false,
    text: "The model does not exist or you do not have access to it.",
    openai: ["invalid_request_error", "model_not_found"],
    anthropic: ["not_found_error"],
  },
  "model.wrong_dialect": invalid(400, "This model is not served through this endpoint."),
  "access.denied": {
    status: 403,
    blame: "config",
    retryable: false,
    text: "A rule of your organisation denies this call.",
    openai: ["permission_error", "access_denied"],
    anthropic: ["permission_error"],
  },
  "access.rule_failed": {
    status: 403,
    blame: "config",
    retryable: false,
    text: "A rule of your organisation could not be evaluated, so the call is denied.",
    openai: ["permission_error", "rule_failed"],
    anthropic: ["permission_error"],
  },
  "access.scope_unresolved": {
    status: 403,
    blame: "config",
    retryable: false,
    text: "A limit or budget applies that needs a label this agent does not have.",
    openai: ["permission_error", "scope_unresolved"],
    anthropic: ["permission_error"],
  },
  "limit.requests": {
    status: 429,
    blame: "capacity",
    retryable: true,
    text: "Too many requests.",
    openai: ["rate_limit_error", "rate_limit_exceeded"],
    anthropic: ["rate_limit_error"],
  },
  "limit.tokens": {
    status: 429,
    blame: "capacity",
    retryable: true,
    text: "Too many tokens.",
    openai: ["rate_limit_error", "rate_limit_exceeded"],
    anthropic: ["rate_limit_error"],
  },
  "limit.concurrency": {
    status: 429,
    blame: "capacity",
    retryable: true,
    text: "Too many calls at the same time.",
    openai: ["rate_limit_error", "rate_limit_exceeded"],
    anthropic: ["rate_limit_error"],
  },
  "budget.exhausted": {
    status: 429,
    blame: "capacity",
    retryable: false,
    text: "The budget for these calls is spent.",
    openai: ["insufficient_quota", "insufficient_quota"],
    anthropic: ["billing_error", 402],
  },
  "price.unknown": {
    status: 403,
    blame: "config",
    retryable: false,
    text: "A budget in money applies, and the model it would be spent on has no price.",
    openai: ["permission_error", "price_unknown"],
    anthropic: ["permission_error"],
  },
  "idempotency.in_progress": {
    status: 409,
    blame: "client",
    retryable: true,
    text: "A request with this idempotency key is still running.",
    openai: ["invalid_request_error", "idempotency_in_progress"],
    anthropic: ["invalid_request_error"],
  },
  "idempotency.mismatch": invalid(400, "This idempotency key was used with another request body."),
  "gateway.overloaded": {
    status: 503,
    blame: "platform",
    retryable: true,
    text: "The gateway is overloaded.",
    openai: ["server_error", "overloaded"],
    anthropic: ["overloaded_error", 529],
  },
  "gateway.draining": {
    status: 503,
    blame: "platform",
    retryable: true,
    text: "The gateway is shutting down; send the request again.",
    openai: ["server_error", "draining"],
    anthropic: ["overloaded_error", 529],
  },
  "gateway.not_configured": {
    status: 503,
    blame: "platform",
    retryable: true,
    text: "The gateway has no configuration yet.",
    openai: ["server_error", "not_configured"],
    anthropic: ["overloaded_error", 529],
  },
  "gateway.usage_unavailable": {
    status: 503,
    blame: "platform",
    retryable: true,
    text: "Usage cannot be recorded at the moment, so calls are refused.",
    openai: ["server_error", "usage_unavailable"],
    anthropic: ["overloaded_error", 529],
  },
  "gateway.internal": {
    status: 500,
    blame: "platform",
    retryable: true,
    text: "The gateway failed.",
    openai: ["server_error", "internal_error"],
    anthropic: ["api_error"],
  },
  "upstream.error": {
    status: 502,
    blame: "upstream",
    retryable: true,
    text: "The provider failed.",
    openai: ["server_error", "upstream_error"],
    anthropic: ["api_error"],
  },
  "upstream.credential_refused": {
    status: 502,
    blame: "config",
    retryable: false,
    text: "The provider refused the gateway's credential.",
    openai: ["server_error", "upstream_credential_refused"],
    anthropic: ["api_error"],
  },
  "upstream.unreachable": {
    status: 502,
    blame: "upstream",
    retryable: true,
    text: "The provider could not be reached.",
    openai: ["server_error", "upstream_unreachable"],
    anthropic: ["api_error"],
  },
  "upstream.address_refused": {
    status: 502,
    blame: "config",
    retryable: false,
    text: "The provider's address is not one that this gateway may connect to.",
    openai: ["server_error", "upstream_address_refused"],
    anthropic: ["api_error"],
  },
  "upstream.timeout": {
    status: 504,
    blame: "upstream",
    retryable: true,
    text: "The provider did not answer in time.",
    openai: ["server_error", "timeout"],
    anthropic: ["timeout_error"],
  },
  "upstream.rate_limited": {
    status: 429,
    blame: "upstream",
    retryable: true,
    text: "The provider is limiting the rate of these calls.",
    openai: ["rate_limit_error", "upstream_rate_limited"],
    anthropic: ["rate_limit_error"],
  },
  "upstream.unavailable": {
    status: 503,
    blame: "upstream",
    retryable: true,
    text: "No provider for this model is available at the moment.",
    openai: ["server_error", "overloaded"],
    anthropic: ["overloaded_error", 529],
  },
  "upstream.stream_broken": {
    status: 502,
    blame: "upstream",
    retryable: true,
    text: "The provider's answer broke off.",
    openai: ["server_error", "upstream_stream_broken"],
    anthropic: ["api_error"],
  },
  "api.invalid_input": invalid(400, "The input is not valid."),
  "api.unauthenticated": {
    status: 401,
    blame: "client",
    retryable: false,
    text: "A valid credential is needed.",
    openai: ["invalid_request_error", "invalid_api_key"],
    anthropic: ["authentication_error"],
  },
  "api.forbidden": {
    status: 403,
    blame: "client",
    retryable: false,
    text: "This credential does not allow that.",
    openai: ["permission_error", "forbidden"],
    anthropic: ["permission_error"],
  },
  "api.not_found": {
    status: 404,
    blame: "client",
    retryable: false,
    text: "Not found.",
    openai: ["invalid_request_error", "not_found"],
    anthropic: ["not_found_error"],
  },
  "api.conflict": invalid(409, "This conflicts with something that exists."),
  "api.idempotency_mismatch": invalid(422, "This idempotency key was used with another input."),
  "api.precondition_failed": invalid(412, "The resource has changed since it was read."),
  "api.rate_limited": {
    status: 429,
    blame: "client",
    retryable: true,
    text: "Too many API requests.",
    openai: ["rate_limit_error", "rate_limit_exceeded"],
    anthropic: ["rate_limit_error"],
  },
  "api.unavailable": {
    status: 503,
    blame: "platform",
    retryable: true,
    text: "The service is not available at the moment.",
    openai: ["server_error", "unavailable"],
    anthropic: ["overloaded_error", 529],
  },
  "api.internal": {
    status: 500,
    blame: "platform",
    retryable: true,
    text: "The service failed.",
    openai: ["server_error", "internal_error"],
    anthropic: ["api_error"],
  },
  "join.invalid_token": invalid(401, "The join token is unknown, used or expired."),
  "join.invalid_assertion": invalid(401, "The assertion is not valid."),
  "usage.gap": invalid(409, "The batch does not continue the stream."),
  "usage.history_changed": invalid(409, "Events that were acknowledged before have changed."),
  "usage.fenced": invalid(409, "A newer writer has taken over this stream."),
  "usage.invalid_batch": invalid(422, "The batch is not consistent."),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_CODES;

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(ERROR_CODES, value);
}

/** The row of a code, with its columns widened for code that treats all rows alike. */
export function errorRow(code: ErrorCode): ErrorRow {
  return ERROR_CODES[code];
}

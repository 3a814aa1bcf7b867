/**
 * Every error that Headgate answers with: one row, one meaning, for ever. A retired code stays listed and is never
 * used again. `status` is the HTTP status; how a gateway's dialect words an error is that dialect's own matter.
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
}

function invalid(status: number, text: string): ErrorRow {
  return { status, blame: "client", retryable: false, text };
}

export const ERROR_CODES = {
  "auth.missing_credential": {
    status: 401,
    blame: "client",
    retryable: false,
    text: "No API key was given.",
  },
  "auth.invalid_credential": {
    status: 401,
    blame: "client",
    retryable: false,
    text: "The API key is not valid.",
  },
  "auth.conflicting_credentials": invalid(400, "The request carries two different credentials."),
  "auth.agent_disabled": {
    status: 403,
    blame: "config",
    retryable: false,
    text: "The agent that this key belongs to is disabled.",
  },
  "tenant.suspended": {
    status: 403,
    blame: "config",
    retryable: false,
    text: "This organisation's access is suspended.",
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
  },
  "request.method_not_allowed": invalid(405, "This endpoint does not take that method."),
  "request.body_too_large": {
    status: 413,
    blame: "client",
    retryable: false,
    text: "The request body is larger than allowed.",
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
  },
  "model.wrong_dialect": invalid(400, "This model is not served through this endpoint."),
  "access.denied": {
    status: 403,
    blame: "config",
    retryable: false,
    text: "A rule of your organisation denies this call.",
  },
  "access.rule_failed": {
    status: 403,
    blame: "config",
    retryable: false,
    text: "A rule of your organisation could not be evaluated, so the call is denied.",
  },
  "access.scope_unresolved": {
    status: 403,
    blame: "config",
    retryable: false,
    text: "A limit or budget applies that needs a label this agent does not have.",
  },
  "limit.requests": {
    status: 429,
    blame: "capacity",
    retryable: true,
    text: "Too many requests.",
  },
  "limit.tokens": {
    status: 429,
    blame: "capacity",
    retryable: true,
    text: "Too many tokens.",
  },
  "limit.concurrency": {
    status: 429,
    blame: "capacity",
    retryable: true,
    text: "Too many calls at the same time.",
  },
  "budget.exhausted": {
    status: 429,
    blame: "capacity",
    retryable: false,
    text: "The budget for these calls is spent.",
  },
  "price.unknown": {
    status: 403,
    blame: "config",
    retryable: false,
    text: "A budget in money applies, and the model it would be spent on has no price.",
  },
  "idempotency.in_progress": {
    status: 409,
    blame: "client",
    retryable: true,
    text: "A request with this idempotency key is still running.",
  },
  "idempotency.mismatch": invalid(400, "This idempotency key was used with another request body."),
  "gateway.overloaded": {
    status: 503,
    blame: "platform",
    retryable: true,
    text: "The gateway is overloaded.",
  },
  "gateway.draining": {
    status: 503,
    blame: "platform",
    retryable: true,
    text: "The gateway is shutting down; send the request again.",
  },
  "gateway.not_configured": {
    status: 503,
    blame: "platform",
    retryable: true,
    text: "The gateway has no configuration yet.",
  },
  "gateway.usage_unavailable": {
    status: 503,
    blame: "platform",
    retryable: true,
    text: "Usage cannot be recorded at the moment, so calls are refused.",
  },
  "gateway.internal": {
    status: 500,
    blame: "platform",
    retryable: true,
    text: "The gateway failed.",
  },
  "upstream.error": {
    status: 502,
    blame: "upstream",
    retryable: true,
    text: "The provider failed.",
  },
  "upstream.credential_refused": {
    status: 502,
    blame: "config",
    retryable: false,
    text: "The provider refused the gateway's credential.",
  },
  "upstream.unreachable": {
    status: 502,
    blame: "upstream",
    retryable: true,
    text: "The provider could not be reached.",
  },
  "upstream.address_refused": {
    status: 502,
    blame: "config",
    retryable: false,
    text: "The provider's address is not one that this gateway may connect to.",
  },
  "upstream.timeout": {
    status: 504,
    blame: "upstream",
    retryable: true,
    text: "The provider did not answer in time.",
  },
  "upstream.rate_limited": {
    status: 429,
    blame: "upstream",
    retryable: true,
    text: "The provider is limiting the rate of these calls.",
  },
  "upstream.unavailable": {
    status: 503,
    blame: "upstream",
    retryable: true,
    text: "No provider for this model is available at the moment.",
  },
  "upstream.stream_broken": {
    status: 502,
    blame: "upstream",
    retryable: true,
    text: "The provider's answer broke off.",
  },
  "api.invalid_input": invalid(400, "The input is not valid."),
  "api.unauthenticated": {
    status: 401,
    blame: "client",
    retryable: false,
    text: "A valid credential is needed.",
  },
  "api.forbidden": {
    status: 403,
    blame: "client",
    retryable: false,
    text: "This credential does not allow that.",
  },
  "api.not_found": {
    status: 404,
    blame: "client",
    retryable: false,
    text: "Not found.",
  },
  "api.conflict": invalid(409, "This conflicts with something that exists."),
  "api.idempotency_mismatch": invalid(422, "This idempotency key was used with another input."),
  "api.precondition_failed": invalid(412, "The resource has changed since it was read."),
  "api.rate_limited": {
    status: 429,
    blame: "client",
    retryable: true,
    text: "Too many API requests.",
  },
  "api.unavailable": {
    status: 503,
    blame: "platform",
    retryable: true,
    text: "The service is not available at the moment.",
  },
  "api.internal": {
    status: 500,
    blame: "platform",
    retryable: true,
    text: "The service failed.",
  },
  "contract.not_spoken": invalid(400, "This version of the contract is not spoken here."),
  "contract.cannot_say": invalid(409, "What is in force cannot be said in this version of the contract."),
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

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

/** The same request will not succeed. */
function lasting(status: number, blame: Blame, text: string): ErrorRow {
  return { status, blame, retryable: false, text };
}

/** It may succeed later. */
function passing(status: number, blame: Blame, text: string): ErrorRow {
  return { status, blame, retryable: true, text };
}

export const ERROR_CODES = {
  "auth.missing_credential": lasting(401, "client", "No API key was given."),
  "auth.invalid_credential": lasting(401, "client", "The API key is not valid."),
  "auth.conflicting_credentials": lasting(400, "client", "The request carries two different credentials."),
  "auth.agent_disabled": lasting(403, "config", "The agent that this key belongs to is disabled."),
  "tenant.suspended": lasting(403, "config", "This organisation's access is suspended."),
  "request.malformed": lasting(400, "client", "The request is not well-formed HTTP."),
  "request.duplicate_header": lasting(400, "client", "A header that may appear once appears more than once."),
  "request.bad_path": lasting(400, "client", "The request path is not in normal form."),
  "request.misdirected": lasting(421, "client", "This gateway does not serve that authority."),
  "request.headers_too_large": lasting(431, "client", "The request's headers are too large."),
  "request.timeout": lasting(408, "client", "The request did not arrive in time."),
  "request.unknown_endpoint": lasting(404, "client", "There is no such endpoint."),
  "request.method_not_allowed": lasting(405, "client", "This endpoint does not take that method."),
  "request.upgrade_refused": lasting(426, "client", "This endpoint is served over plain HTTP only."),
  "request.body_too_large": lasting(413, "client", "The request body is larger than allowed."),
  "request.unsupported_encoding": lasting(415, "client", "Compressed request bodies are not accepted."),
  "request.unsupported_media_type": lasting(415, "client", "The request body must be application/json."),
  "request.invalid_json": lasting(400, "client", "The request body is not valid JSON."),
  "request.duplicate_key": lasting(400, "client", "A JSON object in the request body names a member twice."),
  "request.forbidden_key": lasting(400, "client", "The request body uses a member name that is not allowed."),
  "request.too_deep": lasting(400, "client", "The request body is nested too deeply."),
  "request.invalid_number": lasting(400, "client", "The request body contains a number out of range."),
  "request.invalid_unicode": lasting(
    400,
    "client",
    "The request body contains text that is not valid Unicode.",
  ),
  "request.invalid_parameter": lasting(400, "client", "A parameter has a value that is not allowed."),
  "model.not_found": lasting(
    404,
    "client",
    "The model does not exist, no route leads to it, or you do not have access to it.",
  ),
  "model.wrong_dialect": lasting(400, "client", "This model is not served through this endpoint."),
  "access.denied": lasting(403, "config", "A rule of your organisation denies this call."),
  "access.rule_failed": lasting(
    403,
    "config",
    "A rule of your organisation could not be evaluated, so the call is denied.",
  ),
  "access.scope_unresolved": lasting(
    403,
    "config",
    "A limit or budget applies that needs a label this agent does not have.",
  ),
  "limit.requests": passing(429, "capacity", "Too many requests."),
  "limit.tokens": passing(429, "capacity", "Too many tokens."),
  "limit.concurrency": passing(429, "capacity", "Too many calls at the same time."),
  "budget.exhausted": lasting(429, "capacity", "The budget for these calls has no room for this one."),
  "price.unknown": lasting(
    403,
    "config",
    "A budget in money applies, and the model it would be spent on has no price.",
  ),
  "idempotency.in_progress": passing(409, "client", "A request with this idempotency key is still running."),
  "idempotency.mismatch": lasting(400, "client", "This idempotency key was used with another request body."),
  "idempotency.not_kept": lasting(
    409,
    "client",
    "The call with this idempotency key is complete, and its answer is not kept.",
  ),
  "gateway.overloaded": passing(503, "platform", "The gateway is overloaded."),
  "gateway.draining": passing(503, "platform", "The gateway is shutting down; send the request again."),
  "gateway.not_configured": passing(503, "platform", "The gateway has no configuration yet."),
  "gateway.usage_unavailable": passing(
    503,
    "platform",
    "Usage cannot be recorded at the moment, so calls are refused.",
  ),
  "gateway.internal": passing(500, "platform", "The gateway failed."),
  "upstream.error": passing(502, "upstream", "The provider failed."),
  "upstream.credential_refused": lasting(502, "config", "The provider refused the gateway's credential."),
  "upstream.account_spent": lasting(
    502,
    "config",
    "The organisation's account at the provider has no credit left.",
  ),
  "upstream.request_refused": lasting(400, "client", "The provider refused the request."),
  "upstream.unreachable": passing(502, "upstream", "The provider could not be reached."),
  "upstream.address_refused": lasting(
    502,
    "config",
    "The provider's address is not one that this gateway may connect to.",
  ),
  "upstream.timeout": passing(504, "upstream", "The provider did not answer in time."),
  "upstream.rate_limited": passing(429, "upstream", "The provider is limiting the rate of these calls."),
  "upstream.unavailable": passing(503, "upstream", "No provider for this model is available at the moment."),
  "upstream.stream_broken": passing(502, "upstream", "The provider's answer broke off."),
  "api.invalid_input": lasting(400, "client", "The input is not valid."),
  "api.unauthenticated": lasting(401, "client", "A valid credential is needed."),
  "api.forbidden": lasting(403, "client", "This credential does not allow that."),
  "api.not_found": lasting(404, "client", "Not found."),
  "api.conflict": lasting(409, "client", "This conflicts with something that exists."),
  "api.idempotency_mismatch": lasting(422, "client", "This idempotency key was used with another input."),
  "api.precondition_failed": lasting(412, "client", "The resource has changed since it was read."),
  "api.rate_limited": passing(429, "client", "Too many API requests."),
  "api.unavailable": passing(503, "platform", "The service is not available at the moment."),
  "api.internal": passing(500, "platform", "The service failed."),
  "contract.not_spoken": lasting(400, "client", "This version of the contract is not spoken here."),
  "contract.cannot_say": lasting(
    409,
    "client",
    "What is in force cannot be said in this version of the contract.",
  ),
  "join.invalid_token": lasting(401, "client", "The join token is unknown, used or expired."),
  "join.invalid_assertion": lasting(401, "client", "The assertion is not valid."),
  "usage.gap": lasting(409, "client", "The batch does not continue the stream."),
  "usage.history_changed": lasting(409, "client", "Events that were acknowledged before have changed."),
  "usage.fenced": lasting(409, "client", "A newer writer has taken over this stream."),
  "usage.invalid_batch": lasting(422, "client", "The batch is not consistent."),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_CODES;

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(ERROR_CODES, value);
}

/** The row of a code, with its columns widened for code that treats all rows alike. */
export function errorRow(code: ErrorCode): ErrorRow {
  return ERROR_CODES[code];
}

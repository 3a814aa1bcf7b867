import { readFileSync } from "node:fs";
import { ERROR_CODES, type ErrorCode } from "@headgate/sdk/contract";
import { expect, test } from "vitest";
import { DIALECTS } from "./dialects.ts";

/** Clients act on these: what a code once was in a dialect it stays. A dash is a null. */
const WORDING = `
  code | openai: status type code | anthropic: status type
  auth.missing_credential | 401 invalid_request_error invalid_api_key | 401 authentication_error
  auth.invalid_credential | 401 invalid_request_error invalid_api_key | 401 authentication_error
  auth.conflicting_credentials | 400 invalid_request_error - | 400 invalid_request_error
  auth.agent_disabled | 403 permission_error agent_disabled | 403 permission_error
  tenant.suspended | 403 permission_error tenant_suspended | 403 permission_error
  request.malformed | 400 invalid_request_error - | 400 invalid_request_error
  request.duplicate_header | 400 invalid_request_error - | 400 invalid_request_error
  request.bad_path | 400 invalid_request_error - | 400 invalid_request_error
  request.misdirected | 421 invalid_request_error - | 421 invalid_request_error
  request.headers_too_large | 431 invalid_request_error - | 431 invalid_request_error
  request.timeout | 408 invalid_request_error - | 408 invalid_request_error
  request.unknown_endpoint | 404 invalid_request_error unknown_url | 404 not_found_error
  request.method_not_allowed | 405 invalid_request_error - | 405 invalid_request_error
  request.upgrade_refused | 426 invalid_request_error - | 426 invalid_request_error
  request.body_too_large | 413 invalid_request_error - | 413 request_too_large
  request.unsupported_encoding | 415 invalid_request_error - | 415 invalid_request_error
  request.unsupported_media_type | 415 invalid_request_error - | 415 invalid_request_error
  request.invalid_json | 400 invalid_request_error - | 400 invalid_request_error
  request.duplicate_key | 400 invalid_request_error - | 400 invalid_request_error
  request.forbidden_key | 400 invalid_request_error - | 400 invalid_request_error
  request.too_deep | 400 invalid_request_error - | 400 invalid_request_error
  request.invalid_number | 400 invalid_request_error - | 400 invalid_request_error
  request.invalid_unicode | 400 invalid_request_error - | 400 invalid_request_error
  request.invalid_parameter | 400 invalid_request_error - | 400 invalid_request_error
  model.not_found | 404 invalid_request_error model_not_found | 404 not_found_error
  model.wrong_dialect | 400 invalid_request_error - | 400 invalid_request_error
  access.denied | 403 permission_error access_denied | 403 permission_error
  access.rule_failed | 403 permission_error rule_failed | 403 permission_error
  access.scope_unresolved | 403 permission_error scope_unresolved | 403 permission_error
  limit.requests | 429 rate_limit_error rate_limit_exceeded | 429 rate_limit_error
  limit.tokens | 429 rate_limit_error rate_limit_exceeded | 429 rate_limit_error
  limit.concurrency | 429 rate_limit_error rate_limit_exceeded | 429 rate_limit_error
  budget.exhausted | 429 insufficient_quota insufficient_quota | 402 billing_error
  price.unknown | 403 permission_error price_unknown | 403 permission_error
  idempotency.in_progress | 409 invalid_request_error idempotency_in_progress | 409 invalid_request_error
  idempotency.mismatch | 400 invalid_request_error - | 400 invalid_request_error
  idempotency.not_kept | 409 invalid_request_error idempotency_not_kept | 409 invalid_request_error
  gateway.overloaded | 503 server_error overloaded | 529 overloaded_error
  gateway.draining | 503 server_error draining | 529 overloaded_error
  gateway.not_configured | 503 server_error not_configured | 529 overloaded_error
  gateway.usage_unavailable | 503 server_error usage_unavailable | 529 overloaded_error
  gateway.internal | 500 server_error internal_error | 500 api_error
  upstream.error | 502 server_error upstream_error | 502 api_error
  upstream.credential_refused | 502 server_error upstream_credential_refused | 502 api_error
  upstream.account_spent | 502 server_error upstream_account_spent | 502 api_error
  upstream.request_refused | 400 invalid_request_error - | 400 invalid_request_error
  upstream.unreachable | 502 server_error upstream_unreachable | 502 api_error
  upstream.address_refused | 502 server_error upstream_address_refused | 502 api_error
  upstream.timeout | 504 server_error timeout | 504 timeout_error
  upstream.rate_limited | 429 rate_limit_error upstream_rate_limited | 429 rate_limit_error
  upstream.unavailable | 503 server_error overloaded | 529 overloaded_error
  upstream.stream_broken | 502 server_error upstream_stream_broken | 502 api_error
  api.invalid_input | 400 invalid_request_error - | 400 invalid_request_error
  api.unauthenticated | 401 invalid_request_error invalid_api_key | 401 authentication_error
  api.forbidden | 403 permission_error forbidden | 403 permission_error
  api.not_found | 404 invalid_request_error not_found | 404 not_found_error
  api.conflict | 409 invalid_request_error - | 409 invalid_request_error
  api.idempotency_mismatch | 422 invalid_request_error - | 422 invalid_request_error
  api.precondition_failed | 412 invalid_request_error - | 412 invalid_request_error
  api.rate_limited | 429 rate_limit_error rate_limit_exceeded | 429 rate_limit_error
  api.unavailable | 503 server_error unavailable | 529 overloaded_error
  api.internal | 500 server_error internal_error | 500 api_error
  contract.not_spoken | 400 invalid_request_error - | 400 invalid_request_error
  contract.cannot_say | 409 invalid_request_error - | 409 invalid_request_error
  join.invalid_token | 401 invalid_request_error - | 401 invalid_request_error
  join.invalid_assertion | 401 invalid_request_error - | 401 invalid_request_error
  usage.gap | 409 invalid_request_error - | 409 invalid_request_error
  usage.history_changed | 409 invalid_request_error - | 409 invalid_request_error
  usage.fenced | 409 invalid_request_error - | 409 invalid_request_error
  usage.invalid_batch | 422 invalid_request_error - | 422 invalid_request_error
`;

test("every code has the status, type and code that it always had in each dialect", () => {
  const [, ...lines] = WORDING.trim().split("\n");
  expect(codes.map(wordingOf)).toEqual(lines.map((line) => line.trim()));
});

test("the page of errors says where a dialect has a status of its own", () => {
  const page = readFileSync(new URL("../../../../../sdk/docs/errors.md", import.meta.url), "utf8");
  for (const code of codes) {
    const own = DIALECTS.filter((dialect) => dialect.statusOf(code) !== ERROR_CODES[code].status).map(
      (dialect) =>
        `, ${dialect.statusOf(code)} in the ${dialect.name === "openai" ? "OpenAI" : "Anthropic"} dialect`,
    );
    expect(page).toContain(`### \`${code}\` (${ERROR_CODES[code].status}${own.join("")};`);
  }
});

const codes = Object.keys(ERROR_CODES) as ErrorCode[];

function wordingOf(code: ErrorCode): string {
  const inDialects = DIALECTS.map((dialect) => {
    const facts = {
      code,
      message: "m",
      parameter: "p",
      requestId: "req_1",
      about: { headgate_code: code },
    } as const;
    const { error } = dialect.errorBody(facts) as { error: { type: string; code?: string | null } };
    const ownCode = error.code === undefined ? "" : ` ${error.code ?? "-"}`;
    return `${dialect.statusOf(code)} ${error.type}${ownCode}`;
  });
  return [code, ...inDialects].join(" | ");
}

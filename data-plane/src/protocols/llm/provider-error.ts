/** Reads what a provider says is wrong, whichever of the forms that are in use it says it in. */
import { member } from "../../lib/json/member.ts";
import type { ProviderError } from "../answer-reader.ts";

const MESSAGE_CHARS_MAX = 2_000;

/** What the codes, types and statuses of providers mean, beyond what a status of HTTP tells. */
const WORDS: ReadonlyMap<unknown, ProviderError["about"]> = new Map<unknown, ProviderError["about"]>([
  ...words("account", [
    402,
    "402",
    "Arrearage",
    "billing_error",
    "billing_hard_limit_reached",
    "billing_not_active",
    "credit_balance_too_low",
    "exceeded_current_quota_error",
    "insufficient_balance",
    "insufficient_credits",
    "insufficient_quota",
    "insufficient_user_quota",
    "payment_required",
  ]),
  ...words("credential", [
    401,
    "401",
    "API_KEY_INVALID",
    "UNAUTHENTICATED",
    "authentication_error",
    "invalid_api_key",
  ]),
  ...words("rate", [429, "429", "RESOURCE_EXHAUSTED", "rate_limit_error", "rate_limit_exceeded"]),
  ...words("load", [
    503,
    529,
    "503",
    "529",
    "UNAVAILABLE",
    "overloaded_error",
    "overloaded",
    "server_overloaded",
  ]),
]);

/** Where nothing but the text tells that the account is empty. */
const ACCOUNT_TEXT =
  /credit balance is too low|insufficient (account )?(balance|credits?|funds)|(out of|not have any|requires more) credits/i;

export function readProviderError(json: unknown): ProviderError {
  const body: unknown = Array.isArray(json) ? json[0] : json;
  const error = member(body, "error") ?? member(member(body, "response"), "error") ?? body;
  const message = messageOf(error) ?? messageOf(body);
  for (const place of [error, body]) {
    for (const name of ["code", "type", "status", "reason"]) {
      const about = WORDS.get(member(place, name));
      if (about !== undefined) return { message, about };
    }
  }
  const about = message !== undefined && ACCOUNT_TEXT.test(message) ? "account" : undefined;
  return { message, about };
}

function messageOf(place: unknown): string | undefined {
  if (typeof place === "string") return bounded(place);
  for (const name of ["message", "Message", "msg", "detail", "error_description"]) {
    const value = member(place, name);
    if (typeof value === "string" && value !== "") return bounded(value);
  }
  for (const name of ["detail", "details", "errors"]) {
    const list = member(place, name);
    const first = Array.isArray(list) ? messageOf(list[0]) : undefined;
    if (first !== undefined) return first;
  }
  return undefined;
}

function bounded(text: string): string {
  return text.slice(0, MESSAGE_CHARS_MAX);
}

function words(about: ProviderError["about"], said: readonly (string | number)[]) {
  return said.map((word) => [word, about] as const);
}

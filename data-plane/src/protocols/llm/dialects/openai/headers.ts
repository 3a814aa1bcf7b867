import type { LimitStatus } from "../../../../limits/admission.ts";
import type { OwnHeaders, RequestHead } from "../../../request-head.ts";

export const OWN_HEADERS: OwnHeaders = { "api-key": "credential", "openai-beta": "list" };

export function pushUpstreamHeaders(headers: string[], head: RequestHead, credential: string | null): void {
  const beta = head["openai-beta"];
  if (beta !== undefined) headers.push("openai-beta", beta);
  if (credential !== null) headers.push("authorization", `Bearer ${credential}`);
}

export function pushLimitHeaders(headers: string[], { metric, max, remaining, resetMs }: LimitStatus): void {
  headers.push(`x-ratelimit-limit-${metric}`, String(max));
  headers.push(`x-ratelimit-remaining-${metric}`, String(Math.max(0, Math.floor(remaining))));
  headers.push(`x-ratelimit-reset-${metric}`, `${Math.ceil(resetMs)}ms`);
}

import type { LimitStatus } from "../../../../limits/admission.ts";
import type { OwnHeaders, RequestHead } from "../../../request-head.ts";

export const OWN_HEADERS: OwnHeaders = {
  "x-api-key": "credential",
  "anthropic-version": "single",
  "anthropic-beta": "list",
};

/** What a provider is told where the agent says none. */
const VERSION = "2023-06-01";

export function pushUpstreamHeaders(headers: string[], head: RequestHead, credential: string | null): void {
  headers.push("anthropic-version", head["anthropic-version"] ?? VERSION);
  const beta = head["anthropic-beta"];
  if (beta !== undefined) headers.push("anthropic-beta", beta);
  if (credential !== null) headers.push("x-api-key", credential);
}

export function pushLimitHeaders(
  headers: string[],
  { metric, max, remaining, resetMs }: LimitStatus,
  nowMs: number,
): void {
  headers.push(`anthropic-ratelimit-${metric}-limit`, String(max));
  headers.push(`anthropic-ratelimit-${metric}-remaining`, String(Math.max(0, Math.floor(remaining))));
  headers.push(`anthropic-ratelimit-${metric}-reset`, new Date(nowMs + resetMs).toISOString());
}

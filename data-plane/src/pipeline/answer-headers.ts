/** Headers that every answer carries, as name and value pairs. */
import type { Exchange } from "./exchange.ts";

export function answerHeaders(exchange: Exchange): string[] {
  const headers = ["x-request-id", exchange.requestId, "x-headgate-decision", exchange.decisionId];
  if (exchange.attempts.length > 0) headers.push("x-headgate-attempts", String(exchange.attempts.length));
  for (const { metric, max, remaining, resetMs } of exchange.limitStatus) {
    if (exchange.dialect === "openai") {
      headers.push(`x-ratelimit-limit-${metric}`, String(max));
      headers.push(`x-ratelimit-remaining-${metric}`, String(Math.max(0, Math.floor(remaining))));
      headers.push(`x-ratelimit-reset-${metric}`, `${Math.ceil(resetMs)}ms`);
    } else {
      headers.push(`anthropic-ratelimit-${metric}-limit`, String(max));
      headers.push(`anthropic-ratelimit-${metric}-remaining`, String(Math.max(0, Math.floor(remaining))));
      headers.push(
        `anthropic-ratelimit-${metric}-reset`,
        new Date(exchange.receivedWall + resetMs).toISOString(),
      );
    }
  }
  if (exchange.closeConnection) headers.push("connection", "close");
  return headers;
}

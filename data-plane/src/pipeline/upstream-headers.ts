/** The headers of a request to a provider, built anew: nothing of the agent's goes along but its feature flags. */
import type { Attempt, Exchange } from "./exchange.ts";

const ANTHROPIC_VERSION = "2023-06-01";

export function upstreamHeaders({ head, parameters }: Exchange, { opened, target }: Attempt): string[] {
  const { credential, dialect } = target.provider;
  const headers = [
    "content-type",
    "application/json",
    "accept",
    parameters?.stream === true ? "text/event-stream" : "application/json",
    // Usage is read on the way through, so the answer must not be compressed.
    "accept-encoding",
    "identity",
    "user-agent",
    "headgate",
    "x-headgate-attempt",
    opened.attempt_id,
  ];
  if (dialect === "anthropic") {
    headers.push("anthropic-version", head.anthropicVersion ?? ANTHROPIC_VERSION);
    if (head.anthropicBeta !== undefined) headers.push("anthropic-beta", head.anthropicBeta);
    if (credential !== null) headers.push("x-api-key", credential);
  } else {
    if (head.openaiBeta !== undefined) headers.push("openai-beta", head.openaiBeta);
    if (credential !== null) headers.push("authorization", `Bearer ${credential}`);
  }
  return headers;
}

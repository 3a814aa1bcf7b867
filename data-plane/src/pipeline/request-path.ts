/** What can be told of a request from its target alone, before anything about it has been checked. */
import type { Dialect } from "@headgate/sdk/contract";
import { protocolAt } from "../protocols/llm/endpoints.ts";
import type { RequestHead } from "../protocols/request-head.ts";

/** The path without its query, from either form of request target (RFC 9112, section 3.2). */
export function pathOf(target: string): string {
  const query = target.indexOf("?");
  const withoutQuery = query === -1 ? target : target.slice(0, query);
  if (withoutQuery.startsWith("/")) return withoutQuery;
  const slash = withoutQuery.indexOf("/", withoutQuery.indexOf("//") + 2);
  return slash === -1 ? "/" : withoutQuery.slice(slash);
}

/** What an error is written in: the dialect of the endpoint; where two share a path or none is there, the client's. */
export function dialectOf(path: string, head: RequestHead): Dialect {
  const protocol = protocolAt(path);
  if (protocol !== undefined && protocol.endpoint !== "models") return protocol.dialect;
  return path.startsWith("/v1/messages") || head.anthropicVersion !== undefined ? "anthropic" : "openai";
}

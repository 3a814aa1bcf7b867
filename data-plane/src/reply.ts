/**
 * The only place that gives an answer its headers and an error its body: a refusal or a failure, in the style of the
 * endpoint that was called. Each error carries `headgate_code` and what the decision was about. `Retry-After` is whole
 * seconds from 1 to 60, spread a little: SDKs retry at once on anything else.
 */
import { STATUS_CODES } from "node:http";
import { type ErrorCode, type ErrorRow, errorRow, type Id } from "@headgate/sdk/contract";
import type { Exchange } from "./pipeline/exchange.ts";
import type { WholeAnswer } from "./protocols/protocol.ts";
import type { ErrorFacts, ReplyStyle } from "./protocols/reply-style.ts";

/** Headers that every answer carries, as name and value pairs. */
export function answerHeaders(exchange: Exchange): string[] {
  const headers = ["x-request-id", exchange.requestId, "x-headgate-decision", exchange.decisionId];
  const { requestIdHeader } = exchange.style;
  if (requestIdHeader !== undefined) headers.push(requestIdHeader, exchange.requestId);
  if (exchange.replayed) headers.push("idempotent-replayed", "true");
  if (exchange.attempts.length > 0) headers.push("x-headgate-attempts", String(exchange.attempts.length));
  for (const limit of exchange.limitStatus) {
    exchange.style.pushLimitHeaders(headers, limit, exchange.receivedWall);
  }
  if (exchange.closeConnection) headers.push("connection", "close");
  return headers;
}

const RETRY_AFTER_MAX_S = 60;
const RETRY_AFTER_STATUSES: ReadonlySet<number> = new Set([409, 429, 503, 529]);

/** `random` is uniform in [0, 1). */
export function errorReply(exchange: Exchange, random: () => number) {
  const { refusal, failure } = exchange;
  const code = refusal?.code ?? failure?.code ?? "gateway.internal";
  const row = errorRow(code);
  const status = exchange.style.statusOf(code);
  const body = Buffer.from(JSON.stringify(exchange.style.errorBody(errorFacts(exchange, code))));
  const headers = ["content-type", "application/json", "content-length", String(body.length)];
  const retryAfterMs = refusal?.retryAfterMs ?? failure?.retryAfterMs;
  // A call that is larger than a whole window fits at no time.
  const hopeless = refusal?.code.startsWith("limit.") === true && retryAfterMs === undefined;
  if (row.retryable && RETRY_AFTER_STATUSES.has(status)) {
    const seconds = hopeless ? RETRY_AFTER_MAX_S : retryAfterSeconds(retryAfterMs, random);
    headers.push("retry-after", String(seconds));
  }
  if (!row.retryable || hopeless || (retryAfterMs ?? 0) > RETRY_AFTER_MAX_S * 1_000)
    headers.push("x-should-retry", "false");
  if (status === 401) headers.push("www-authenticate", 'Bearer realm="headgate"');
  if (refusal?.allow !== undefined) headers.push("allow", refusal.allow);
  if (code === "request.unsupported_encoding") headers.push("accept-encoding", "identity");
  return { status, headers, body };
}

/** What the provider of a refused request says, as far as it is kept beside what the caller is told. */
const ORIGINAL_CHARS_MAX = 16 * 1024;

/** A provider's refusal of the request, in the caller's dialect; its own words are kept in a member where they are JSON. */
export function refusedAnswer(exchange: Exchange, { status, message, json }: RefusedRequest): WholeAnswer {
  const facts = errorFacts(exchange, "upstream.request_refused");
  const original = JSON.stringify(json);
  const kept = original !== undefined && original.length <= ORIGINAL_CHARS_MAX;
  const told = {
    ...facts,
    status,
    message: message ?? facts.message,
    about: { ...facts.about, ...(kept && { provider_error: json }) },
  };
  const body = Buffer.from(JSON.stringify(exchange.style.errorBody(told)));
  return { kind: "json", status, contentType: "application/json", body };
}

interface RefusedRequest {
  readonly status: number;
  /** The provider's, where it has one. */
  readonly message: string | undefined;
  readonly json: unknown;
}

/** The event that ends a stream which cannot be completed. */
export function streamError(exchange: Exchange, code: ErrorCode): string {
  return exchange.call?.streamError(errorFacts(exchange, code)) ?? "";
}

export interface BareReplyIds {
  readonly requestId: Id<"request">;
  readonly decisionId: Id<"decision">;
  readonly allow?: string;
}

/** An error for a connection on which no request could be read. */
export function bareErrorReply(code: ErrorCode, style: ReplyStyle, ids: BareReplyIds): string {
  const row = errorRow(code);
  const { requestId } = ids;
  const { requestIdHeader } = style;
  const body = JSON.stringify(
    style.errorBody({
      code,
      message: row.text,
      parameter: undefined,
      requestId,
      about: { headgate_code: code },
    }),
  );
  return (
    `HTTP/1.1 ${row.status} ${STATUS_CODES[row.status]}\r\ncontent-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n${ids.allow === undefined ? "" : `allow: ${ids.allow}\r\n`}x-request-id: ${requestId}\r\n${requestIdHeader === undefined ? "" : `${requestIdHeader}: ${requestId}\r\n`}x-headgate-decision: ${ids.decisionId}\r\nconnection: close\r\n\r\n${body}`
  );
}

function errorFacts(exchange: Exchange, code: ErrorCode): ErrorFacts {
  const { refusal, requestId, decisionId } = exchange;
  return {
    code,
    message: messageFor(exchange, errorRow(code)),
    parameter: refusal?.parameter,
    requestId,
    about: {
      headgate_code: code,
      decision_id: decisionId,
      ...(refusal?.policyId !== undefined && { policy_id: refusal.policyId }),
      ...(refusal?.policyName !== undefined && { policy_name: refusal.policyName }),
      ...(refusal?.facts !== undefined && { facts: refusal.facts }),
    },
  };
}

/** The row's text with what is safe to add: names of parameters and ids, never the caller's own values. */
function messageFor({ refusal, failure, decisionId }: Exchange, row: ErrorRow): string {
  const text = refusal?.message ?? failure?.message ?? row.text;
  const details = [];
  if (refusal?.parameter !== undefined) details.push(`parameter ${refusal.parameter}`);
  if (refusal?.policyId !== undefined) {
    const { policyId, policyName } = refusal;
    const kind = POLICY_KINDS[policyId.slice(0, 3)] ?? "policy";
    details.push(policyName === undefined ? `${kind} ${policyId}` : `${kind} '${policyName}' (${policyId})`);
  }
  if (details.length === 0) return text;
  return `${text} (${[...details, `decision ${decisionId}`].join(", ")})`;
}

/** By what their ids begin with. */
const POLICY_KINDS: Readonly<Record<string, string>> = { rul: "policy rule", lim: "limit", bud: "budget" };

function retryAfterSeconds(retryAfterMs: number | undefined, random: () => number): number {
  const seconds = Math.max(1, Math.ceil((retryAfterMs ?? 1_000) / 1_000));
  const spread = seconds < 5 ? 0 : Math.floor(random() * Math.min(5, seconds / 4));
  return Math.min(RETRY_AFTER_MAX_S, seconds + spread);
}

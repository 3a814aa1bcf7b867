/**
 * The only place that gives an error a body: a refusal or a failure, in the dialect that the caller speaks.
 *
 * OpenAI: `{"error": {message, type, param, code, ...}}`. Anthropic: `{"type": "error", "error": {type, message, ...},
 * "request_id"}`. Both carry `headgate_code` and what the decision was about. `Retry-After` is whole seconds from 1 to
 * 60, spread a little: SDKs retry at once on anything else.
 */
import { type Dialect, type ErrorCode, type ErrorRow, errorRow, type Id } from "@headgate/sdk/contract";
import type { Exchange } from "./pipeline/exchange.ts";

export interface ErrorReply {
  readonly status: number;
  readonly headers: string[];
  readonly body: Buffer;
}

const RETRY_AFTER_MAX_S = 60;
const RETRY_AFTER_STATUSES: ReadonlySet<number> = new Set([409, 429, 503, 529]);

/** `random` is uniform in [0, 1). */
export function errorReply(exchange: Exchange, random: () => number): ErrorReply {
  const { refusal, failure } = exchange;
  const code = refusal?.code ?? failure?.code ?? "gateway.internal";
  const row = errorRow(code);
  const status = statusFor(row, exchange.dialect);
  const body = Buffer.from(JSON.stringify(errorBody(exchange, code, row)));
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

/** The event that ends a stream which cannot be completed. */
export function streamError(exchange: Exchange, code: ErrorCode): Buffer {
  const body = JSON.stringify(errorBody(exchange, code, errorRow(code)));
  switch (exchange.protocol?.endpoint) {
    case "messages":
      return Buffer.from(`event: error\ndata: ${body}\n\n`);
    case "responses": {
      const row = errorRow(code);
      const event = {
        type: "error",
        code: row.openai[1] ?? code,
        message: row.text,
        param: null,
        sequence_number: 0,
      };
      return Buffer.from(`event: error\ndata: ${JSON.stringify(event)}\n\n`);
    }
    default:
      return Buffer.from(`data: ${body}\n\n`);
  }
}

export interface BareReplyIds {
  readonly requestId: Id<"request">;
  readonly decisionId: Id<"decision">;
  readonly allow?: string;
}

/** An error for a connection on which no request could be read. */
export function bareErrorReply(code: ErrorCode, ids: BareReplyIds): string {
  const row = errorRow(code);
  const body = JSON.stringify({
    error: {
      message: row.text,
      type: row.openai[0],
      param: null,
      code: row.openai[1],
      headgate_code: code,
    },
  });
  return (
    `HTTP/1.1 ${row.status} ${STATUS_TEXT[row.status] ?? "Error"}\r\ncontent-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n${ids.allow === undefined ? "" : `allow: ${ids.allow}\r\n`}x-request-id: ${ids.requestId}\r\nx-headgate-decision: ${ids.decisionId}\r\nconnection: close\r\n\r\n${body}`
  );
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  400: "Bad Request",
  405: "Method Not Allowed",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
};

function statusFor(row: ErrorRow, dialect: Dialect): number {
  return dialect === "anthropic" ? (row.anthropic[1] ?? row.status) : row.status;
}

function errorBody(exchange: Exchange, code: ErrorCode, row: ErrorRow): object {
  const { refusal } = exchange;
  const about = {
    headgate_code: code,
    decision_id: exchange.decisionId,
    ...(refusal?.policyId !== undefined && { policy_id: refusal.policyId }),
    ...(refusal?.facts !== undefined && { facts: refusal.facts }),
  };
  const message = messageFor(exchange, row);
  if (exchange.dialect === "anthropic") {
    const parameter = refusal?.parameter === undefined ? {} : { parameter: refusal.parameter };
    return {
      type: "error",
      error: { type: row.anthropic[0], message, ...parameter, ...about },
      request_id: exchange.requestId,
    };
  }
  const [type, openaiCode] = row.openai;
  return {
    error: {
      message,
      type,
      param: refusal?.parameter ?? null,
      code: openaiCode,
      ...about,
    },
  };
}

/** The row's text with what is safe to add: names of parameters and ids, never the caller's own values. */
function messageFor({ refusal, decisionId }: Exchange, row: ErrorRow): string {
  const details = [];
  if (refusal?.parameter !== undefined) details.push(`parameter ${refusal.parameter}`);
  if (refusal?.policyId !== undefined) details.push(`policy ${refusal.policyId}`);
  if (details.length === 0) return row.text;
  return `${row.text} (${[...details, `decision ${decisionId}`].join(", ")})`;
}

function retryAfterSeconds(retryAfterMs: number | undefined, random: () => number): number {
  const seconds = Math.max(1, Math.ceil((retryAfterMs ?? 1_000) / 1_000));
  const spread = seconds < 5 ? 0 : Math.floor(random() * Math.min(5, seconds / 4));
  return Math.min(RETRY_AFTER_MAX_S, seconds + spread);
}

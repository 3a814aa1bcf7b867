/** What an attempt's end means for the call: an answer to pass on, or a failure that another target may mend. */
import type { ErrorCode } from "@headgate/sdk/contract";
import { parseJson } from "../lib/json/member.ts";
import { isJsonType } from "../lib/media-type.ts";
import type { Answer } from "../pipeline/exchange.ts";
import type { AnswerReader } from "../protocols/answer-reader.ts";
import type { AttemptEnd } from "./dispatch.ts";
import { retryAfterMs } from "./retry-after.ts";
import { tellUnreachable } from "./unreachable.ts";

export type Verdict =
  | { readonly kind: "answered"; readonly answer: Answer; readonly json?: unknown }
  /** The provider finds the caller's request at fault, and does not say so as the caller's clients know it. */
  | {
      readonly kind: "refused";
      readonly status: number;
      readonly message: string | undefined;
      readonly json: unknown;
    }
  /** Nothing was sent to the agent. */
  | {
      readonly kind: "failed";
      readonly code: ErrorCode;
      /** What is told in place of the code's own text. */
      readonly message?: string;
      readonly retryAfterMs?: number | undefined;
      /** It tells nothing of the target's health: the request or the tenant's account may have brought it about. */
      readonly healthy?: true;
      readonly json?: unknown;
    }
  /** Part of an answer was sent. */
  | {
      readonly kind: "broken";
      readonly code: ErrorCode;
      /** The provider has told the agent so itself, inside the stream. */
      readonly reported: boolean;
    }
  | { readonly kind: "cancelled" };

export interface Expected {
  readonly reader: AnswerReader;
  /** What was asked for, a stream or a whole answer. */
  readonly wanted: Answer["kind"];
  /** Unix milliseconds. */
  readonly wallMs: number;
}

export function classifyAnswer(end: AttemptEnd, expected: Expected): Verdict {
  switch (end.kind) {
    case "streamed":
      return { kind: "answered", answer: { kind: "stream", held: end.held } };
    case "broken":
      return {
        kind: "broken",
        code: end.failed ? "upstream.error" : end.timedOut ? "upstream.timeout" : "upstream.stream_broken",
        reported: end.reported,
      };
    case "timeout":
      return { kind: "failed", code: "upstream.timeout" };
    case "unreachable":
      return isRefusedAddress(end.error)
        ? { kind: "failed", code: "upstream.address_refused" }
        : { kind: "failed", code: "upstream.unreachable", message: tellUnreachable(end.error) };
    case "unusable":
      return failureTold(parseJson(Buffer.from(end.fault ?? "", "latin1").toString()), expected.reader);
    case "cancelled":
      return { kind: "cancelled" };
    case "answered":
      return end.status < 300 ? classifySuccess(end, expected) : classifyStatus(end, expected);
  }
}

type Answered = Extract<AttemptEnd, { kind: "answered" }>;

function classifySuccess({ status, headers, body }: Answered, { reader, wanted }: Expected): Verdict {
  const contentType = headers["content-type"];
  // What is not JSON is a proxy's page or a wrong address; its text is not for the agent.
  if (typeof contentType !== "string" || !isJsonType(contentType)) {
    return { kind: "failed", code: "upstream.error" };
  }
  // Names and figures are ASCII, so that bytes can be read as characters; texts are of no concern here.
  const json = parseJson(body.toString("latin1"));
  // A whole answer to a call that asked for a stream would not be understood.
  if (wanted === "json" && reader.isAnswer(json)) {
    return { kind: "answered", answer: { kind: "json", status, body, contentType }, json };
  }
  return failureTold(json, reader);
}

/** Of a provider that reports a failure without a status of its own. */
function failureTold(json: unknown, reader: AnswerReader): Verdict {
  switch (reader.readError(json).about) {
    case "account":
      return { kind: "failed", code: "upstream.account_spent", healthy: true, json };
    case "credential":
      return { kind: "failed", code: "upstream.credential_refused", healthy: true, json };
    case "rate":
      return { kind: "failed", code: "upstream.rate_limited", json };
    case "load":
      return { kind: "failed", code: "upstream.unavailable", json };
    case undefined:
      return { kind: "failed", code: "upstream.error", json };
  }
}

/** Refused requests are the caller's: no other target is asked for them. */
function classifyStatus({ status, headers, body }: Answered, { reader, wallMs }: Expected): Verdict {
  const json = parseJson(body.toString());
  const { about, message } = reader.readError(json);
  if (status === 402 || (about === "account" && status < 500)) {
    return { kind: "failed", code: "upstream.account_spent", healthy: true, json };
  }
  if (CREDENTIAL_REFUSED.has(status) || (about === "credential" && status < 500)) {
    return { kind: "failed", code: "upstream.credential_refused", healthy: true, json };
  }
  const code = FAILURES.get(status) ?? (status < 400 || status >= 500 ? "upstream.error" : undefined);
  if (code !== undefined) return { kind: "failed", code, retryAfterMs: retryAfterMs(headers, wallMs), json };
  const contentType = headers["content-type"];
  if (typeof contentType === "string" && isJsonType(contentType) && reader.isOwnError(json)) {
    return { kind: "answered", answer: { kind: "json", status, body, contentType }, json };
  }
  return { kind: "refused", status, message, json };
}

const CREDENTIAL_REFUSED: ReadonlySet<number> = new Set([401, 403, 407]);
/** Statuses that say more than their class, or that are in the caller's class and not about the request. */
const FAILURES: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  [408, "upstream.timeout"],
  // A model behind the provider has failed.
  [424, "upstream.error"],
  [425, "upstream.error"],
  [429, "upstream.rate_limited"],
  [503, "upstream.unavailable"],
  [504, "upstream.timeout"],
  [529, "upstream.unavailable"],
]);

function isRefusedAddress(error: Error): boolean {
  return "code" in error && error.code === "upstream.address_refused";
}

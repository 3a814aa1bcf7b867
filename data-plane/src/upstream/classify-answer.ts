/** What an attempt's end means for the call: an answer to pass on, or a failure that another target may mend. */
import type { ErrorCode } from "@headgate/sdk/contract";
import { isJsonType } from "../lib/media-type.ts";
import type { Answer } from "../pipeline/exchange.ts";
import type { AttemptEnd, ResponseHeaders } from "./dispatch.ts";

export type Verdict =
  | { readonly kind: "answered"; readonly answer: Answer }
  /** Nothing was sent to the agent. */
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly retryAfterMs?: number | undefined }
  /** Part of an answer was sent. */
  | {
      readonly kind: "broken";
      readonly code: ErrorCode;
      /** The provider has told the agent so itself, inside the stream. */
      readonly reported: boolean;
    }
  | { readonly kind: "cancelled" };

/** `wanted`: what was asked for, a stream or a whole answer. */
export function classifyAnswer(end: AttemptEnd, wanted: Answer["kind"]): Verdict {
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
      return {
        kind: "failed",
        code: isRefusedAddress(end.error) ? "upstream.address_refused" : "upstream.unreachable",
      };
    case "unusable":
      return { kind: "failed", code: "upstream.error" };
    case "cancelled":
      return { kind: "cancelled" };
    case "answered":
      return classifyStatus(end, wanted);
  }
}

function classifyStatus(
  { status, headers, body }: Extract<AttemptEnd, { kind: "answered" }>,
  wanted: Answer["kind"],
): Verdict {
  if (status === 401 || status === 403) return { kind: "failed", code: "upstream.credential_refused" };
  if (status === 429) {
    return { kind: "failed", code: "upstream.rate_limited", retryAfterMs: retryAfterMs(headers) };
  }
  if (status === 503 || status === 529) {
    return { kind: "failed", code: "upstream.unavailable", retryAfterMs: retryAfterMs(headers) };
  }
  if (status === 408 || status === 504) return { kind: "failed", code: "upstream.timeout" };
  if (status >= 500 || (status >= 300 && status < 400)) return { kind: "failed", code: "upstream.error" };
  const contentType = headers["content-type"];
  // What is not JSON is a proxy's page or a wrong address; its text is not for the agent.
  if (typeof contentType !== "string" || !isJsonType(contentType)) {
    return { kind: "failed", code: "upstream.error" };
  }
  // A whole answer to a call that asked for a stream would not be understood, unless it is an error.
  if (status < 300 && wanted === "stream") return { kind: "failed", code: "upstream.error" };
  return { kind: "answered", answer: { kind: "json", status, body, contentType } };
}

/** `Retry-After` in seconds, as an integer; dates are not used by the providers we speak to. */
function retryAfterMs(headers: ResponseHeaders): number | undefined {
  const value = headers["retry-after"];
  const seconds = typeof value === "string" && /^\d{1,6}(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  return Number.isFinite(seconds) ? seconds * 1_000 : undefined;
}

function isRefusedAddress(error: Error): boolean {
  return "code" in error && error.code === "upstream.address_refused";
}

/** What the control plane's answer to a batch means for the stream. */
import type { Contract } from "@headgate/sdk/contract";
import { member, parseJson } from "../../lib/json/member.ts";

export interface SendResult {
  readonly status: number;
  readonly body: string;
  /** From `Retry-After`, where the answer has one. */
  readonly retryAfterMs?: number | undefined;
}

export type BatchVerdict =
  /** Everything up to `ackedSeq` is in the ledger. */
  | { readonly kind: "acked"; readonly ackedSeq: number }
  /** The ledger goes on elsewhere: ship again from there. */
  | { readonly kind: "gap"; readonly expectedSeq: number }
  /** A newer writer ships this stream; this one never may again. */
  | { readonly kind: "fenced" }
  /** The ledger has other events under these numbers. */
  | { readonly kind: "history_changed" }
  /** Refused as it is. `ofEvents`: for what stands in it, so that fewer or other events may be taken. */
  | { readonly kind: "refused"; readonly reason: string; readonly ofEvents: boolean }
  | { readonly kind: "retry"; readonly retryAfterMs: number | undefined };

/** An answer that cannot be read counts as none: the batch is sent again, which is harmless. */
export function judgeAnswer({ status, body, retryAfterMs }: SendResult, contract: Contract): BatchVerdict {
  if (status === 401 || status === 408 || status === 425 || status === 429 || status >= 500 || status < 200)
    return { kind: "retry", retryAfterMs };
  const json = parseJson(body);
  if (status < 300) {
    const ack = contract.usageAck.read(json);
    return ack.ok
      ? { kind: "acked", ackedSeq: ack.value.acked_seq }
      : { kind: "retry", retryAfterMs: undefined };
  }
  const gap = contract.usageGap.read(json);
  if (status === 409 && gap.ok) return { kind: "gap", expectedSeq: gap.value.expected_seq };
  const code = errorCode(json) ?? `http.${status}`;
  if (code === "usage.fenced") return { kind: "fenced" };
  if (code === "usage.history_changed") return { kind: "history_changed" };
  return { kind: "refused", reason: code, ofEvents: status === 413 || status === 422 };
}

/** The verdict with the numbers that events have in the spool, where the ledger's begin after `afterSeq`. */
export function inSpool(verdict: BatchVerdict, afterSeq: number): BatchVerdict {
  if (verdict.kind === "acked") return { ...verdict, ackedSeq: verdict.ackedSeq + afterSeq };
  if (verdict.kind === "gap") return { ...verdict, expectedSeq: verdict.expectedSeq + afterSeq };
  return verdict;
}

/** `{code}` or `{error: {code}}`. */
function errorCode(json: unknown): string | undefined {
  const code = member(json, "code") ?? member(member(json, "error"), "code");
  return typeof code === "string" ? code : undefined;
}

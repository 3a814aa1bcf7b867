import type { ErrorCode, Id } from "@headgate/sdk/contract";
import type { LimitStatus } from "../limits/admission.ts";

/** How a kind of client is told of errors and limits. */
export interface ReplyStyle {
  /** A header beside `x-request-id` in which its clients look for the request's id. */
  readonly requestIdHeader?: string;
  /** The HTTP status of a code. */
  statusOf(code: ErrorCode): number;
  errorBody(error: ErrorFacts): object;
  /** `nowMs`: Unix milliseconds. */
  pushLimitHeaders(headers: string[], limit: LimitStatus, nowMs: number): void;
}

/** What a refused or failed caller is told. */
export interface ErrorFacts {
  readonly code: ErrorCode;
  /** What it is sent with, where that is not the code's own status. */
  readonly status?: number;
  readonly message: string;
  /** The parameter at fault, by its name in the request. */
  readonly parameter: string | undefined;
  readonly requestId: Id<"request">;
  /** `headgate_code` and what the decision was about: the same members in every style. */
  readonly about: object;
}

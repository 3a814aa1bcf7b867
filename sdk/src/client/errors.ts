import type { ErrorCode } from "../contract/error-codes.ts";

/**
 * Why a call failed: a code of the error table, or `network` where no answer came (the call may have been carried out
 * all the same), or `protocol` where the answer was not one of Headgate's, as from a proxy in between.
 */
export type HeadgateErrorCode = ErrorCode | "network" | "protocol";

/** One thing that is wrong with an input. */
export interface InputIssue {
  /** The member at fault, with dots between levels; undefined where it is the input as a whole. */
  readonly parameter?: string | undefined;
  readonly message: string;
}

export interface HeadgateErrorOptions {
  /** 0 where there is no answer. */
  status: number;
  retryable: boolean;
  parameter?: string | undefined;
  issues?: readonly InputIssue[] | undefined;
  requestId?: string | undefined;
  cause?: unknown;
}

/** Recognises errors of another copy of this package, where `instanceof` does not. */
const BRAND = Symbol.for("headgate.error");

/**
 * The only thing that a call of the client rejects with. `code` is a closed union to switch over; `message` is for
 * people and may change.
 */
export class HeadgateError extends Error {
  override readonly name = "HeadgateError";
  readonly code: HeadgateErrorCode;
  /** The HTTP status; 0 where there is no answer. */
  readonly status: number;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** The input's member at fault, with dots between levels. */
  readonly parameter: string | undefined;
  /** All that is wrong with the input; empty where it is not the input that is at fault. */
  readonly issues: readonly InputIssue[];
  /** To be named in a report. */
  readonly requestId: string | undefined;

  constructor(code: HeadgateErrorCode, message: string, options: HeadgateErrorOptions) {
    super(message, { cause: options.cause });
    this.code = code;
    this.status = options.status;
    this.retryable = options.retryable;
    this.parameter = options.parameter;
    this.issues = options.issues ?? [];
    this.requestId = options.requestId;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** True for a `HeadgateError` of any copy of this package. */
export function isHeadgateError(value: unknown): value is HeadgateError {
  return typeof value === "object" && value !== null && Object.hasOwn(value, BRAND);
}

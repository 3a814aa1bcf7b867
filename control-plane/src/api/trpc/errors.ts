/** The one place where faults become errors of the API. Nothing from inside (stack, cause, SQL) gets past it. */
import { type ErrorCode, errorRow } from "@headgate/sdk/contract";
import { type TRPCDefaultErrorShape, TRPCError } from "@trpc/server";
import { ZodError } from "zod";
import { Fault, type InputIssue, inputFault } from "../../lib/fault.ts";

/** What a client gets in `error.data.headgate`. */
export interface ApiError {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  /** The parameter at fault, with dots between levels. */
  parameter?: string;
  /** All that is wrong with the input, where it is the input that is at fault. */
  issues?: readonly InputIssue[];
}

type TrpcCode = TRPCError["code"];

/** The fault as a tRPC error with the code and status that fit it. */
export function toTrpcError(error: TRPCError): { code: ErrorCode; error: TRPCError } {
  const fault = faultOf(error);
  const code = TRPC_CODE_BY_STATUS[errorRow(fault.code).status] ?? "INTERNAL_SERVER_ERROR";
  return { code: fault.code, error: new TRPCError({ code, message: fault.message, cause: fault }) };
}

export function formatError({ shape, error }: { shape: TRPCDefaultErrorShape; error: TRPCError }) {
  const fault = faultOf(error);
  const { status, retryable } = errorRow(fault.code);
  const headgate: ApiError = {
    code: fault.code,
    message: fault.message,
    retryable,
    ...(fault.parameter === undefined ? {} : { parameter: fault.parameter }),
    ...(fault.issues.length === 0 ? {} : { issues: fault.issues }),
  };
  return { code: shape.code, message: fault.message, data: { httpStatus: status, headgate } };
}

/** The fault inside a tRPC error; one is made for what tRPC itself says no to. */
export function faultOf(error: TRPCError): Fault {
  if (error.cause instanceof Fault) return error.cause;
  if (error.code === "BAD_REQUEST" && error.cause instanceof ZodError) return inputFault(error.cause);
  return new Fault(CODE_BY_TRPC_CODE[error.code] ?? "api.internal", { cause: error.cause ?? error });
}

const TRPC_CODE_BY_STATUS: Readonly<Record<number, TrpcCode>> = {
  400: "BAD_REQUEST",
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  405: "METHOD_NOT_SUPPORTED",
  409: "CONFLICT",
  412: "PRECONDITION_FAILED",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
  422: "UNPROCESSABLE_CONTENT",
  429: "TOO_MANY_REQUESTS",
  503: "SERVICE_UNAVAILABLE",
};

const CODE_BY_TRPC_CODE: Partial<Record<TrpcCode, ErrorCode>> = {
  PARSE_ERROR: "api.invalid_input",
  BAD_REQUEST: "api.invalid_input",
  UNPROCESSABLE_CONTENT: "api.invalid_input",
  NOT_FOUND: "api.not_found",
  METHOD_NOT_SUPPORTED: "request.method_not_allowed",
  UNSUPPORTED_MEDIA_TYPE: "request.unsupported_media_type",
  PAYLOAD_TOO_LARGE: "request.body_too_large",
};

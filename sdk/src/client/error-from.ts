import { TRPCClientError } from "@trpc/client";
import { z } from "zod";
import { type ErrorCode, errorRow, isErrorCode } from "../contract/error-codes.ts";
import { HeadgateError } from "./errors.ts";
import { type Answer, UnreadableAnswer } from "./read-answer.ts";

/** Members that a newer server adds are no reason to lose the error, hence not closed. */
const errorData = z.object({
  headgate: z.object({
    code: z.custom<ErrorCode>(isErrorCode),
    message: z.string(),
    retryable: z.boolean(),
    parameter: z.string().optional(),
  }),
});

/** Says what a failed request of tRPC means. */
export function errorFrom(failure: unknown): HeadgateError {
  const response = responseOf(failure);
  const requestId = response?.headers.get("x-request-id") ?? undefined;
  const data = errorData.safeParse(failure instanceof TRPCClientError ? failure.data : undefined);
  if (data.success) {
    const { code, message, retryable, parameter } = data.data.headgate;
    return new HeadgateError(code, message, {
      status: response?.status ?? 0,
      retryable,
      parameter,
      requestId,
      cause: failure,
    });
  }
  if (response === undefined) {
    return new HeadgateError("network", "No answer came from the control plane.", {
      status: 0,
      retryable: true,
      cause: failure instanceof TRPCClientError ? (failure.cause ?? failure) : failure,
    });
  }
  return new HeadgateError(
    "protocol",
    `The answer (status ${response.status}) is not one of a control plane.`,
    {
      status: response.status,
      retryable: response.status === 429 || response.status >= 500,
      requestId,
      cause: failure,
    },
  );
}

/** Says what an answer that is no stream means, or the error that ended one (`{ data: { headgate } }`). */
export async function errorFromData(answer: Response | unknown): Promise<HeadgateError> {
  const response = answer instanceof Response ? answer : undefined;
  const body: unknown =
    response === undefined ? { error: answer } : await response.json().catch(() => undefined);
  const parsed = z.object({ error: z.object({ data: errorData }) }).safeParse(body);
  const status = response?.status ?? 0;
  if (parsed.success) {
    const { code, message, retryable, parameter } = parsed.data.error.data.headgate;
    const requestId = response?.headers.get("x-request-id") ?? undefined;
    return new HeadgateError(code, message, {
      status: status || errorRow(code).status,
      retryable,
      parameter,
      requestId,
    });
  }
  return new HeadgateError("protocol", `The answer (status ${status}) is not one of a control plane.`, {
    status,
    retryable: status === 429 || status >= 500,
  });
}

function responseOf(failure: unknown): Pick<Answer, "status" | "headers"> | undefined {
  if (!(failure instanceof TRPCClientError)) return undefined;
  if (failure.cause instanceof UnreadableAnswer) return failure.cause;
  // It was put there by our own `fetch`.
  return failure.meta?.["response"] as Answer | undefined;
}

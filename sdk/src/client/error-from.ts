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
    issues: z.array(z.object({ parameter: z.string().optional(), message: z.string() })).optional(),
  }),
});

/** Says what a failed request of tRPC means. */
export function errorFrom(failure: unknown): HeadgateError {
  const response = responseOf(failure);
  const ofTrpc = failure instanceof TRPCClientError;
  if (response !== undefined) return errorIn(ofTrpc ? failure.data : undefined, response, failure);
  return new HeadgateError("network", "No answer came from the control plane.", {
    status: 0,
    retryable: true,
    cause: ofTrpc ? (failure.cause ?? failure) : failure,
  });
}

/** Says what an answer that is no stream means, or the error that ended one (`{ data: { headgate } }`). */
export async function errorFromData(answer: Response | unknown): Promise<HeadgateError> {
  if (!(answer instanceof Response)) return errorIn(member(answer, "data"));
  const body: unknown = await answer.json().catch(() => undefined);
  return errorIn(member(member(body, "error"), "data"), answer);
}

function errorIn(
  data: unknown,
  response?: Pick<Answer, "status" | "headers">,
  cause?: unknown,
): HeadgateError {
  const requestId = response?.headers.get("x-request-id") ?? undefined;
  const parsed = errorData.safeParse(data);
  if (parsed.success) {
    const { code, message, ...members } = parsed.data.headgate;
    const status = response?.status ?? errorRow(code).status;
    return new HeadgateError(code, message, { ...members, status, requestId, cause });
  }
  const status = response?.status ?? 0;
  const retryable = status === 429 || status >= 500;
  const message = `The answer (status ${status}) is not one of a control plane.`;
  return new HeadgateError("protocol", message, { status, retryable, requestId, cause });
}

function member(value: unknown, name: string): unknown {
  return z.record(z.string(), z.unknown()).safeParse(value).data?.[name];
}

function responseOf(failure: unknown): Pick<Answer, "status" | "headers"> | undefined {
  if (!(failure instanceof TRPCClientError)) return undefined;
  if (failure.cause instanceof UnreadableAnswer) return failure.cause;
  // It was put there by our own `fetch`.
  return failure.meta?.["response"] as Answer | undefined;
}

/** Errors of the data-plane API: `{error: {code, message, parameter?}}`. A gap in usage has a body of its own. */
import { type ErrorCode, errorRow } from "@headgate/sdk/contract";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { Fault } from "../../lib/fault.ts";

export interface ErrorFacts {
  /** Added to the code's public text. */
  readonly detail?: string;
  readonly parameter?: string;
}

/** After which whoever was turned away for the moment may come back. */
export const RETRY_AFTER_SECONDS = "1";

export function replyError(reply: FastifyReply, code: ErrorCode, facts: ErrorFacts = {}): FastifyReply {
  const { status, text } = errorRow(code);
  const { detail, ...rest } = facts;
  if (status === 429 || status === 503) reply.header("retry-after", RETRY_AFTER_SECONDS);
  return reply
    .code(status)
    .header("cache-control", "no-store")
    .send({ error: { code, message: detail === undefined ? text : `${text} ${detail}`, ...rest } });
}

/** The last resort of every route: what is not ours is masked and logged. */
export function replyFault(
  error: FastifyError | Fault,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof Fault) {
    if (errorRow(error.code).status >= 500) request.log.error({ err: error }, "data-plane api failed");
    return replyError(reply, error.code, {
      ...(error.parameter === undefined ? {} : { parameter: error.parameter }),
    });
  }
  if (error.statusCode === 413) return replyError(reply, "request.body_too_large");
  if (error.statusCode === 415) return replyError(reply, "request.unsupported_media_type");
  if (error.statusCode !== undefined && error.statusCode < 500)
    return replyError(reply, "request.invalid_json");
  request.log.error({ err: error }, "data-plane api failed");
  return replyError(reply, "api.internal");
}

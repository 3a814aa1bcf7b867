import { type handleUnaryCall, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { messageOf } from "../command-failure.ts";
import { HaltedError } from "./run.ts";

/** A gRPC handler from a function; what it throws becomes the call's status. */
export function unary<Request, Response>(
  handle: (request: Request) => Promise<Response> | Response,
): handleUnaryCall<Request, Response> {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => {
    Promise.resolve()
      .then(() => handle(call.request))
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback({ code: codeOf(error), details: messageOf(error) }),
      );
  };
}

/** A method that the stand-in has not: it fails by name, so that no test passes without what it needs. */
export function notImitated(name: string) {
  return unary<unknown, never>(() => {
    throw Object.assign(new Error(`the stand-in does not imitate ${name}`), { code: status.UNIMPLEMENTED });
  });
}

function codeOf(error: unknown): number {
  // At UNAVAILABLE the SDK says nothing more: the engine has told why.
  if (error instanceof HaltedError) return status.UNAVAILABLE;
  const code = (error as { code?: unknown }).code;
  return typeof code === "number" ? code : status.UNKNOWN;
}

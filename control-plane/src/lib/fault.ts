import { type ErrorCode, errorRow } from "@headgate/sdk/contract";
import type { ZodError } from "zod";

export interface FaultOptions {
  /** The parameter at fault, by its name in the request. */
  parameter?: string;
  /** Added to the code's public text. Our own words and the caller's own ids and names, never an internal text. */
  detail?: string;
  /** For the log alone. */
  cause?: unknown;
  /** The database constraint that refused, where one did. */
  constraint?: string;
}

/** A failure with a code. Its message is what the caller may read; what must stay inside is in `cause`. */
export class Fault extends Error {
  readonly code: ErrorCode;
  readonly parameter: string | undefined;
  readonly constraint: string | undefined;

  constructor(code: ErrorCode, options: FaultOptions = {}) {
    const { text } = errorRow(code);
    super(options.detail === undefined ? text : `${text} ${options.detail}`, { cause: options.cause });
    this.name = "Fault";
    this.code = code;
    this.parameter = options.parameter;
    this.constraint = options.constraint;
  }
}

/** Says what is wrong with a parameter. */
export function invalid(parameter: string, detail: string): Fault {
  return new Fault("api.invalid_input", { parameter, detail });
}

/** Says what is in the way, of which parameter where it is one's. */
export function conflict(detail: string, parameter?: string): Fault {
  return new Fault("api.conflict", { detail, ...(parameter === undefined ? {} : { parameter }) });
}

/** What is wrong with an input, by its first issue. Zod's texts speak of types and limits, not of values. */
export function inputFault(error: ZodError): Fault {
  const [issue] = error.issues;
  const path = [
    ...(issue?.path ?? []),
    ...(issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : []),
  ];
  return new Fault("api.invalid_input", {
    ...(path.length === 0 ? {} : { parameter: path.join(".").slice(0, 200) }),
    ...(issue === undefined ? {} : { detail: `${issue.message.slice(0, 300)}.` }),
  });
}

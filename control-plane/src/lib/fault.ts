import { type ErrorCode, errorRow } from "@headgate/sdk/contract";

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
    super(options.detail === undefined ? text : `${text} ${options.detail}`, {
      cause: options.cause,
    });
    this.name = "Fault";
    this.code = code;
    this.parameter = options.parameter;
    this.constraint = options.constraint;
  }
}

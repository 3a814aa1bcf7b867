import { type ErrorCode, errorRow } from "@headgate/sdk/contract";
import type { ZodError } from "zod";

/** One thing that is wrong with an input. */
export interface InputIssue {
  /** The member at fault, with dots between levels; absent where it is the input as a whole. */
  readonly parameter?: string;
  readonly message: string;
}

export interface FaultOptions {
  /** The parameter at fault, by its name in the request. */
  parameter?: string;
  /** All that is wrong with the input, where that is more than `parameter` and `detail` say. */
  issues?: readonly InputIssue[];
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
  readonly issues: readonly InputIssue[];
  readonly constraint: string | undefined;

  constructor(code: ErrorCode, options: FaultOptions = {}) {
    const { text } = errorRow(code);
    super(options.detail === undefined ? text : `${text} ${options.detail}`, { cause: options.cause });
    this.name = "Fault";
    this.code = code;
    this.parameter = options.parameter;
    this.issues = options.issues ?? [];
    this.constraint = options.constraint;
  }
}

/** Says what is wrong with a parameter. */
export function invalid(parameter: string, detail: string): Fault {
  return new Fault("api.invalid_input", { parameter, detail, issues: [{ parameter, message: detail }] });
}

/** Says what is in the way, of which parameter where it is one's. */
export function conflict(detail: string, parameter?: string): Fault {
  return new Fault("api.conflict", { detail, ...(parameter === undefined ? {} : { parameter }) });
}

/** All that is wrong with an input at once, as far as `ISSUES_MAX`. */
export function inputFault(error: ZodError): Fault {
  const issues = error.issues.slice(0, ISSUES_MAX).map(toIssue);
  const sentences = issues.slice(0, SENTENCES_MAX).map(({ message }) => message);
  const more = error.issues.length - sentences.length;
  if (more > 0) sentences.push(`${more} more.`);
  const parameter = issues[0]?.parameter;
  return new Fault("api.invalid_input", {
    ...(parameter === undefined ? {} : { parameter }),
    detail: sentences.join(" "),
    issues,
  });
}

const ISSUES_MAX = 50;
/** Of them in the message, for people. */
const SENTENCES_MAX = 5;

function toIssue({ path, message, ...issue }: ZodError["issues"][number]): InputIssue {
  const own = path.map(String);
  const named = issue.code === "unrecognized_keys" ? [...own, ...issue.keys.slice(0, 1)] : own;
  const subject = own.length === 0 ? "The input" : `\`${shortened(own)}\``;
  return {
    ...(named.length === 0 ? {} : { parameter: shortened(named) }),
    message: `${subject} ${message.slice(0, 600)}.`,
  };
}

function shortened(path: readonly string[]): string {
  return path.join(".").slice(0, 200);
}

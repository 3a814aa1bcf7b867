import { type ErrorCode, errorRow, type Format } from "@headgate/sdk/contract";

/** Becomes an answer with the status that the error table has for the code. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: object;

  /** `body` in place of the usual one. */
  constructor(code: ErrorCode, body?: object) {
    super(code);
    const { status, text } = errorRow(code);
    this.status = status;
    this.body = body ?? { error: { code, message: text } };
  }
}

/** What the body says, in a version that this format reads. */
export function documentIn<T>(format: Format<T>, body: unknown): T {
  const reading = format.read(body);
  if (!reading.ok) throw new Refusal("api.invalid_input");
  return reading.value;
}

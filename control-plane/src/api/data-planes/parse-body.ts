import type { Format } from "@headgate/sdk/contract";
import { Fault } from "../../lib/fault.ts";

/** The body as the format has it, of whatever version. Faults: `api.invalid_input`, naming the parameter. */
export function parseBody<T>(format: Format<T>, body: unknown): T {
  const reading = format.read(body);
  if (reading.ok) return reading.value;
  const parameter = reading.issues[0]?.path ?? "";
  throw new Fault("api.invalid_input", parameter === "" ? {} : { parameter });
}

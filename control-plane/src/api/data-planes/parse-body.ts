import type { z } from "zod";
import { Fault } from "../../lib/fault.ts";

/** The body as the schema wants it. Faults: `api.invalid_input`, naming the parameter. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const parameter = parsed.error.issues[0]?.path.join(".") ?? "";
  throw new Fault("api.invalid_input", parameter === "" ? {} : { parameter });
}

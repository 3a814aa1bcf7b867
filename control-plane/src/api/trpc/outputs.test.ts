import { expect, test } from "vitest";
import { appRouter } from "./router.ts";

test("every procedure has a schema of what it answers", () => {
  // tRPC keeps the flat list of paths behind the nested type.
  const procedures = appRouter._def.procedures as unknown as Record<string, { _def: { output?: unknown } }>;
  const without = Object.keys(procedures).filter((path) => procedures[path]?._def.output === undefined);
  expect(without).toEqual([]);
});

import { expect, test } from "vitest";
import { z } from "zod";
import { appRouter } from "./router.ts";

// tRPC keeps the flat list of paths behind the nested type.
const procedures = Object.entries(
  appRouter._def.procedures as unknown as Record<string, { _def: { output?: z.core.$ZodType } }>,
);

test("every procedure has a schema of what it answers", () => {
  const without = procedures.filter(([, { _def }]) => _def.output === undefined);
  expect(without.map(([path]) => path)).toEqual([]);
});

test("no answer holds what its schema does not name, but for what is free by its nature", () => {
  const open = procedures.flatMap(([path, { _def }]) =>
    _def.output === undefined ? [path] : openParts(_def.output, path),
  );
  expect(open.toSorted()).toEqual([
    // What was changed, in the words of what changed it.
    "audit.list.items.detail",
    // What the engine says of an object.
    "operations.events.items.payload",
    // RFC 7517: a key may have any members.
    "regions.get.issuer.jwks.keys",
    "regions.list.items.issuer.jwks.keys",
    "regions.put.issuer.jwks.keys",
  ]);
});

/** Where a schema takes members that it does not name. What is watched is checked event by event, as it is sent. */
function openParts(schema: z.core.$ZodType, path: string): string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "object":
      return [
        ...(def.catchall?._zod.def.type === "never" ? [] : [path]),
        ...Object.entries(def.shape).flatMap(([name, member]) => openParts(member, `${path}.${name}`)),
      ];
    case "array":
      return openParts(def.element, path);
    case "record":
      return openParts(def.valueType, path);
    case "union":
      return def.options.flatMap((option) => openParts(option, path));
    case "nullable":
    case "optional":
      return openParts(def.innerType, path);
    case "pipe":
      return openParts(def.in, path);
    default:
      return z.safeParse(schema, { unnamed: true }).success ? [path] : [];
  }
}

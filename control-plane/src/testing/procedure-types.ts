import { appRouter } from "../api/trpc/router.ts";

/** Every procedure of the API by its path, with its type: `query`, `mutation` or `subscription`. */
export function procedureTypes(): ReadonlyMap<string, string> {
  // tRPC keeps the flat list of paths behind the nested type.
  const procedures = appRouter._def.procedures as unknown as Record<string, { _def: { type: string } }>;
  return new Map(Object.entries(procedures).map(([path, procedure]) => [path, procedure._def.type]));
}

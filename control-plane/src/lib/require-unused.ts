import { Fault } from "./fault.ts";

const NAMED_MAX = 10;

/** Throws `api.conflict` with the ids of what still refers to the thing that is to be deleted. */
export function requireUnused(users: readonly string[]): void {
  if (users.length === 0) return;
  const more = users.length > NAMED_MAX ? ` and ${users.length - NAMED_MAX} more` : "";
  throw new Fault("api.conflict", {
    detail: `It is used by ${users.slice(0, NAMED_MAX).join(", ")}${more}.`,
  });
}

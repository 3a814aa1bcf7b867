import type { RequestHead } from "../protocols/request-head.ts";

/** Two credentials that differ: the caller cannot be told for certain. */
export const CONFLICT = Symbol("conflicting credentials");

/** The credential from wherever clients put it; `headers` are those that may carry it beside `Authorization`. */
export function presentedCredential(
  head: RequestHead,
  headers: readonly (keyof RequestHead)[],
): string | typeof CONFLICT | undefined {
  let presented = bearerOf(head.authorization);
  for (const name of headers) {
    const value = head[name];
    if (typeof value !== "string") continue;
    if (presented !== undefined && value !== presented) return CONFLICT;
    presented = value;
  }
  return presented;
}

/** The credential of `Authorization: Bearer` (RFC 6750); another scheme is returned whole and so never fits a key. */
function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const scheme = authorization.slice(0, 7);
  return scheme === "Bearer " || scheme.toLowerCase() === "bearer "
    ? authorization.slice(7).trim()
    : authorization;
}

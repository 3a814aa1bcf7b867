import type { RequestHead } from "../protocols/request-head.ts";

/**
 * The credential from wherever clients put it, or all of them where they differ; `headers` are those that may carry it
 * beside `Authorization`. An empty one is none beside another: clients send such for a setting that was left empty.
 */
export function presentedCredential(
  head: RequestHead,
  headers: readonly (keyof RequestHead)[],
): string | readonly string[] | undefined {
  let presented = bearerOf(head.authorization);
  let others: string[] | undefined;
  for (const name of headers) {
    const value = head[name];
    if (typeof value !== "string" || value === presented) continue;
    if (presented === undefined || presented === "") presented = value;
    else if (value !== "" && others?.includes(value) !== true) others = [...(others ?? [presented]), value];
  }
  return others ?? presented;
}

/** The credential of `Authorization: Bearer` (RFC 6750); another scheme is returned whole and so never fits a key. */
function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const scheme = authorization.slice(0, 7);
  if (scheme === "Bearer " || scheme.toLowerCase() === "bearer ") return authorization.slice(7).trim();
  // Spaces at the end of a header are no part of it.
  return scheme.toLowerCase() === "bearer" ? "" : authorization;
}

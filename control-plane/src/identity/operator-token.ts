import { createHash, timingSafeEqual } from "node:crypto";
import type { Actor } from "./actor.ts";

/** The operator in audit rows: there is one token, so there is one name. */
export const OPERATOR: Actor = { kind: "operator", id: "operator" };

export function hashOperatorToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** Takes the same time for every text that is not the token. */
export function isOperatorToken(hash: Buffer, credential: string): boolean {
  return timingSafeEqual(hash, hashOperatorToken(credential));
}

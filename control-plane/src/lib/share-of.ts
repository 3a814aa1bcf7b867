import { createHash } from "node:crypto";

/** A number in [0, 1) that is always the same for the same text, so that work can be spread without being remembered. */
export function shareOf(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32BE() / 2 ** 32;
}

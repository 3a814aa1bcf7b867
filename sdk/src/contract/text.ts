/** Text that everything behind the edge can hold. */
import { z } from "zod";

/** True for well-formed Unicode without NUL: Postgres takes neither NUL nor half of a surrogate pair. */
export function isStorableText(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

export const UNSTORABLE_TEXT = "must be well-formed Unicode without NUL";

/** Free text of 1 to `unitsMax` UTF-16 code units that can be stored as it is. */
export function freeText(unitsMax: number) {
  return z.string().min(1).max(unitsMax).refine(isStorableText, UNSTORABLE_TEXT);
}

/** What stands in one counter of a budget: budget, window and scope in one key, so that nothing is ever reset. */
import { z } from "zod";
import { integerString } from "./decimal.ts";
import { isStorableText, UNSTORABLE_TEXT } from "./text.ts";

const KEY_CHARS_MAX = 2048;

export const budgetCharge = z.strictObject({
  key: z.string().min(1).max(KEY_CHARS_MAX).refine(isStorableText, UNSTORABLE_TEXT),
  /** Nano-dollars or tokens. */
  amount: integerString,
});

import { expect, test } from "vitest";
import { freeText } from "./text.ts";

test("free text is any Unicode that can be stored, up to its length", () => {
  const text = freeText(4);
  for (const good of ["a", "été!", "\u{1f600}\n", "\ufeff"]) expect(text.parse(good)).toBe(good);
  for (const bad of ["", "abcde", "a\0", "\ud800", "\udc00a"])
    expect(text.safeParse(bad).success).toBe(false);
});

import { RE2JS } from "re2js";
import { CONDITION_LIMITS } from "../contract/policy-language.ts";

/** What `matches()` runs: it takes a time that is linear in the text. */
export interface LinearPattern {
  /** Whether a part of the text fits. Throws when the text is longer than `CONDITION_LIMITS` allows. */
  test(text: string): boolean;
}

/** Takes RE2 syntax; throws for any other, and for a pattern that is too large. */
export function compilePattern(pattern: string): LinearPattern {
  const compiled = RE2JS.compile(pattern);
  if (compiled.programSize() > CONDITION_LIMITS.patternProgramMax)
    throw new RangeError("The pattern is too large");
  return {
    test: (text) => {
      if (text.length > CONDITION_LIMITS.matchInputCharsMax)
        throw new RangeError("The text is too long for matches()");
      return compiled.test(text);
    },
  };
}

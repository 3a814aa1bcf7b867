import { CONDITION_LIMITS } from "@headgate/sdk/contract";
import { RE2JS } from "re2js";

/** A pattern that runs in linear time (RE2 syntax) over a text of bounded length. Throws for any other. */
export function compilePattern(pattern: string): { test(text: string): boolean } {
  const compiled = RE2JS.compile(pattern);
  if (compiled.programSize() > CONDITION_LIMITS.patternProgramMax)
    throw new RangeError("the pattern is too large");
  return {
    test: (text) => {
      if (text.length > CONDITION_LIMITS.matchInputCharsMax)
        throw new RangeError("the text is too long for matches()");
      return compiled.test(text);
    },
  };
}

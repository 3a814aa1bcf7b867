import { RE2JS } from "re2js";
import { CONDITION_LIMITS } from "../contract/policy-language.ts";

/** What `matches()` runs: it takes a time that is linear in the text. */
export class LinearPattern {
  /** Its instructions: on each character no more of them are run. */
  readonly programSize: number;
  readonly #compiled: RE2JS;

  /** Takes RE2 syntax; throws for any other, and for a pattern that is too large. */
  constructor(pattern: string) {
    requireModest(pattern);
    this.#compiled = RE2JS.compile(pattern);
    this.programSize = this.#compiled.programSize();
    if (this.programSize > CONDITION_LIMITS.patternProgramMax) throw tooLarge();
  }

  /** Whether a part of the text fits. Throws when the text is longer than `CONDITION_LIMITS` allows. */
  test(text: string): boolean {
    if (text.length > CONDITION_LIMITS.matchInputCharsMax)
      throw new RangeError("The text is too long for matches()");
    return this.#compiled.test(text);
  }
}

const tooLarge = () => new RangeError("The pattern is too large");

/** Compiling alone would take long: what is repeated is written out, and a class of Unicode is a long table. */
const WRITTEN_OUT_MAX = 4 * CONDITION_LIMITS.patternProgramMax;
const UNICODE_CLASSES_MAX = 16;

/** Escapes, classes, what is in braces, and single characters, in this order. */
const TOKEN =
  /\\Q[\s\S]*?(?:\\E|$)|\\[xpP]\{[^}]*\}|\\[\s\S]|\[\^?\]?(?:\\[\s\S]|\[:[^\]]*:\]|[^\]\\])*\]|\{\d*,?\d*\}|[\s\S]/g;

/**
 * Throws for a pattern that, with all its repetitions written out, would be far above the cap. It need not be exact: the
 * compiled one is measured. It is never more than a few times too high.
 */
function requireModest(pattern: string): void {
  if ((pattern.match(/\\[pP]|\[:/g)?.length ?? 0) > UNICODE_CLASSES_MAX) throw tooLarge();
  /** Instructions of each group that is open, and of the last thing that a repetition would repeat. */
  const groups = [{ total: 0, last: 0 }];
  for (const [token] of pattern.matchAll(TOKEN)) {
    const group = groups.at(-1);
    if (group === undefined) return;
    if (token === "(") groups.push({ total: 0, last: 0 });
    else if (token === ")") {
      groups.pop();
      const outer = groups.at(-1);
      if (outer === undefined) return;
      outer.last = group.total + 2;
      outer.total += outer.last;
    } else {
      const times = token.length > 1 && token.startsWith("{") ? repetitions(token) : undefined;
      const more = times === undefined ? lengthOf(token) : group.last * (times - 1);
      group.last = times === undefined ? 1 : group.last * times;
      group.total += more;
    }
    if (groups.reduce((sum, { total }) => sum + total, 0) > WRITTEN_OUT_MAX) throw tooLarge();
  }
}

/** `{2}`, `{2,}`, `{2,5}`; other braces are what they are. */
function repetitions(braces: string): number {
  const [least = "", most = ""] = braces.slice(1, -1).split(",");
  return Math.max(1, Number(least), Number(most));
}

const lengthOf = (token: string): number => (token.startsWith("\\Q") ? token.length : 1);

import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { CONDITION_LIMITS, POLICY_VARIABLES, type PolicyMember } from "../contract/policy-language.ts";
import { FUNCTIONS } from "./names.ts";

const page = await readFile(new URL("../../docs/rules.md", import.meta.url), "utf8");

/** The lines of the page's tables that begin with a name in code, in order. */
function rows(section: string): string[][] {
  const [, text = ""] = page.split(`## ${section}\n`);
  return [...(text.split("\n## ", 1)[0] ?? "").matchAll(/^\| (`.*) \|$/gm)].map(([, row = ""]) =>
    row.split(" | ").map((cell) => cell.trim()),
  );
}

function mostOf({ lengthMax, itemsMax, names }: PolicyMember): string {
  if (itemsMax !== undefined) return `${itemsMax} of ${lengthMax} characters`;
  if (names !== undefined)
    return `${names.map((name) => `\`${name}\``).join(", ")}; ${lengthMax} characters each`;
  return lengthMax === undefined ? "" : `${lengthMax} characters`;
}

test("the page of rules lists every variable as it is declared, and no other", () => {
  const declared = Object.entries(POLICY_VARIABLES).flatMap(([variable, members]) =>
    Object.entries<PolicyMember>(members).map(([name, member]) => [
      `\`${variable}.${name}\``,
      `\`${member.type}\``,
      mostOf(member),
      member.meaning,
    ]),
  );
  expect(rows("Variables")).toEqual(declared);
});

test("the page of rules lists every function that a condition may call", () => {
  const listed = rows("Functions").flatMap(([names = ""]) =>
    [...names.matchAll(/(\w+)\(/g)].map(([, name]) => name),
  );
  expect(listed.sort()).toEqual([...FUNCTIONS].sort());
});

test("the page of rules tells the limits as they are", () => {
  expect(rows("Limits").map(([, value]) => Number(value?.replaceAll(",", "")))).toEqual(
    Object.values(CONDITION_LIMITS),
  );
});

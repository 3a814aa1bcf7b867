import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ERROR_CODES, type ErrorCode, errorRow } from "../contract/error-codes.ts";

const codes = Object.keys(ERROR_CODES) as ErrorCode[];
const sections = readSections(readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8"));

test("the page and the table name the same codes in the same order", () => {
  expect([...sections.keys()]).toEqual(codes);
});

test.each(codes)("the page's entry for %s fits its row and says cause, check and remedy", (code) => {
  const section = sections.get(code);
  const { status, retryable } = errorRow(code);
  // What a dialect has of its own is checked where the dialects are.
  expect(section?.statuses.split(",", 1)).toEqual([String(status)]);
  expect(section?.retryable).toBe(retryable);
  expect(section?.fields).toEqual(["Cause", "Check", "The caller may"]);
});

interface Section {
  statuses: string;
  retryable: boolean | undefined;
  fields: string[];
}

function readSections(markdown: string): Map<string, Section> {
  const found = new Map<string, Section>();
  for (const text of markdown.split(/^### /m).slice(1)) {
    const [, code = "", statuses = "", retry = ""] = /^`([^`]+)` \((\d{3}[^;]*); (.*)\)\n/.exec(text) ?? [];
    expect(found.has(code), `${code} appears once`).toBe(false);
    found.set(code, {
      statuses,
      retryable: new Map([
        ["may be retried", true],
        ["not by retrying", false],
      ]).get(retry),
      fields: [...text.matchAll(/^- \*\*(.+):\*\* \S.{15,}/gm)].map((match) => match[1] ?? ""),
    });
  }
  return found;
}

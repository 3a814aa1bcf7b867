import { expect, test } from "vitest";
import { z } from "zod";
import { inputFault } from "./fault.ts";
import { useIssueTexts } from "./issue-text.ts";

useIssueTexts();

const schema = z.strictObject({
  name: z.string().max(5),
  kind: z.enum(["chat", "embeddings"]),
  size: z.number().int().min(1).max(10),
  tags: z.array(z.string()).max(2),
  url: z.url(),
  on: z.boolean(),
});
const GOOD = { name: "a", kind: "chat", size: 1, tags: [], url: "https://a.example", on: true };

function issuesOf(input: unknown) {
  const { error } = schema.safeParse(input);
  if (error === undefined) throw new Error("nothing is wrong");
  return inputFault(error);
}

test("everything that is wrong with an input is told at once, each with its member, and the message names the first", () => {
  const fault = issuesOf({ ...GOOD, name: undefined, kind: "chats", size: 11 });
  expect(fault.issues).toEqual([
    { parameter: "name", message: "`name` is required." },
    { parameter: "kind", message: '`kind` must be one of "chat", "embeddings".' },
    { parameter: "size", message: "`size` must be at most 10, not 11." },
  ]);
  expect(fault).toMatchObject({ code: "api.invalid_input", parameter: "name" });
  expect(fault.message).toBe(
    `The input is not valid. ${fault.issues.map(({ message }) => message).join(" ")}`,
  );
});

test.each<[string, object, string, string]>([
  ["a text too long", { name: "abcdef" }, "name", "`name` must have at most 5 characters, not 6."],
  ["another kind of value", { name: 7 }, "name", "`name` must be a text, not a number."],
  ["null", { on: null }, "on", "`on` must be true or false, not null."],
  ["a number too small", { size: 0 }, "size", "`size` must be at least 1, not 0."],
  ["no whole number", { size: 1.5 }, "size", "`size` must be a whole number, not a number."],
  ["a list too long", { tags: ["a", "b", "c"] }, "tags", "`tags` must have at most 2 elements, not 3."],
  ["an element of a list", { tags: ["a", 1] }, "tags.1", "`tags.1` must be a text, not a number."],
  [
    "a URL without its scheme",
    { url: "a.example" },
    "url",
    "`url` must be a URL with its scheme, such as https://api.example.com/v1.",
  ],
  [
    "a member that is not known",
    { naem: "x" },
    "naem",
    "The input must not have `naem`; known are `name`, `kind`, `size`, `tags`, `url`, `on`.",
  ],
])("%s: the message says what is right, and what was got", (_, wrong, parameter, message) => {
  expect(issuesOf({ ...GOOD, ...wrong }).issues).toEqual([{ parameter, message }]);
});

test("no text that was given is told back, whatever is wrong with it", () => {
  const secret = "sk-secret";
  const wrong = { name: secret, kind: secret, size: secret, tags: secret, url: secret, on: secret };
  expect(JSON.stringify(issuesOf(wrong))).not.toContain(secret);
});

test("of an input with ever so much wrong no more is told than a page", () => {
  const many = z
    .array(z.strictObject({ a: z.number() }))
    .safeParse(Array.from({ length: 5_000 }, () => ({ a: "x" })));
  if (many.error === undefined) throw new Error("nothing is wrong");
  const fault = inputFault(many.error);
  expect(fault.issues).toHaveLength(50);
  expect(fault.message).toMatch(/ 4995 more\.$/);
  expect(fault.message.length).toBeLessThan(1_000);
});

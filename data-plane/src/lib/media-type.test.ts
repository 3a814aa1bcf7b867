import { expect, test } from "vitest";
import { isEventStream, isJsonType, parseMediaType } from "./media-type.ts";

test.each([
  ["application/json", "application/json", undefined],
  ["Application/JSON", "application/json", undefined],
  ["application/json; charset=utf8", "application/json", "utf8"],
  ["application/json;charset=UTF-8", "application/json", "utf-8"],
  ['application/json ; Charset = "utf-8"', undefined, undefined],
  ['application/json ;\t profile="a;b\\"c" ; Charset="utf-8"', "application/json", "utf-8"],
  ["application/json;", "application/json", undefined],
  ["application/json; ; charset=utf-8;", "application/json", "utf-8"],
  ['application/json; charset="u\\tf-8"', "application/json", "utf-8"],
  ["application/json charset=utf-8", undefined, undefined],
  ["application/json; charset", undefined, undefined],
  ["application", undefined, undefined],
  ["application/", undefined, undefined],
  ["application/json, text/plain", undefined, undefined],
  ["", undefined, undefined],
])("%s", (value, essence, charset) => {
  const parsed = parseMediaType(value);
  expect([parsed?.essence, parsed?.charset]).toEqual([essence, charset]);
});

test("JSON and event streams are known by their type alone, not by a word in it", () => {
  expect(["application/json; charset=utf-8", "application/problem+json"].map(isJsonType)).toEqual([
    true,
    true,
  ]);
  expect(["text/html; note=json", "application/jsonlines", "text/json5", undefined].map(isJsonType)).toEqual([
    false,
    false,
    false,
    false,
  ]);
  expect(["Text/Event-Stream;charset=UTF-8", "text/event-stream-2"].map(isEventStream)).toEqual([
    true,
    false,
  ]);
});

test("a value without an end is refused in a time that grows with its length only", () => {
  const long = `application/json; a="${'\\"'.repeat(50_000)}`;
  expect(parseMediaType(long)).toBeUndefined();
  expect(parseMediaType(`application/json${"; ".repeat(50_000)}x`)).toBeUndefined();
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type JsonScan, memberValue, scanJsonObject } from "./scan-json.ts";

function scan(text: string): JsonScan {
  return scanJsonObject(Buffer.from(text));
}

function faultOf(text: string | Buffer): string {
  const result = scanJsonObject(Buffer.from(text));
  return result.ok ? "ok" : result.fault;
}

describe("scanJsonObject", () => {
  test("accepts every object that JSON.stringify writes, and finds each outermost member", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue(), {
          noNullPrototype: true,
        }),
        (value) => {
          if (JSON.stringify(value).includes("__proto__")) return;
          const text = Buffer.from(JSON.stringify(value, undefined, 1));
          const result = scanJsonObject(text);
          if (!text.toString().isWellFormed()) return;
          if (!result.ok) throw new Error(`${result.fault}: ${text}`);
          const read = Object.fromEntries(
            result.members.map((member) => [member.key, memberValue(text, member)]),
          );
          expect(read).toEqual(JSON.parse(text.toString()));
        },
      ),
    );
  });

  test("refuses every text that JSON.parse refuses", () => {
    const pieces = [
      "{",
      "}",
      "[",
      "]",
      '"',
      ",",
      ":",
      "1",
      "-",
      ".",
      "e",
      "0",
      "true",
      "nul",
      "\\u12",
      " ",
      "a",
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        if (scan(text).ok) expect(() => JSON.parse(text)).not.toThrow();
      }),
      { numRuns: 5_000 },
    );
  });

  test.each([
    ["a member named twice", '{"model":"a","model":"b"}', "request.duplicate_key"],
    ["a member named twice, once with an escape", '{"model":"a","mod\\u0065l":"b"}', "request.duplicate_key"],
    ["a member named twice deep inside", '{"a":[{"b":{"c":1,"c":2}}]}', "request.duplicate_key"],
    ["__proto__", '{"a":{"__proto__":{}}}', "request.forbidden_key"],
    ["__proto__ with an escape", '{"__pr\\u006fto__":{}}', "request.forbidden_key"],
    ["constructor.prototype", '{"constructor":{"prototype":{}}}', "request.forbidden_key"],
    ["a number beyond a double", '{"a":1e999}', "request.invalid_number"],
    ["a long number beyond a double", `{"a":${"9".repeat(400)}}`, "request.invalid_number"],
    ["a lone high surrogate", '{"a":"\\ud800"}', "request.invalid_unicode"],
    ["a lone low surrogate", '{"a":"\\udc00x"}', "request.invalid_unicode"],
    ["depth beyond 128", `{"a":${"[".repeat(128)}${"]".repeat(128)}}`, "request.too_deep"],
    ["depth far beyond the stack", `{"a":${"[".repeat(200_000)}`, "request.too_deep"],
    ["trailing garbage", '{"a":1} x', "request.invalid_json"],
    ["an array", "[]", "request.invalid_json"],
    ["nothing", "", "request.invalid_json"],
    ["a control character in a string", '{"a":"\n"}', "request.invalid_json"],
    ["a leading zero", '{"a":01}', "request.invalid_json"],
    ["a trailing comma", '{"a":1,}', "request.invalid_json"],
    ["half of a word", '{"a":tru}', "request.invalid_json"],
  ])("refuses %s", (_, text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });

  test("refuses bytes that are not UTF-8", () => {
    expect(faultOf(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBe("request.invalid_unicode");
  });

  test("accepts a surrogate pair, depth 128, and a plain member called constructor", () => {
    expect(faultOf('{"a":"\\ud83d\\ude00"}')).toBe("ok");
    expect(faultOf(`{"a":${"[".repeat(127)}${"]".repeat(127)}}`)).toBe("ok");
    expect(faultOf('{"constructor":{"type":"string"}}')).toBe("ok");
  });

  test("finds a repeated member in an object with many members", () => {
    const many = Array.from({ length: 5_000 }, (_, index) => `"k${index}":0`).join(",");
    expect(faultOf(`{${many}}`)).toBe("ok");
    expect(faultOf(`{${many},"k77":1}`)).toBe("request.duplicate_key");
  });

  test("a refused text leaves nothing behind for the next one", () => {
    scan('{"a":{"b":1,"c"');
    expect(faultOf('{"b":1,"c":{"a":2,"b":3}}')).toBe("ok");
  });
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { createIdFactory, encodeId, ID_PREFIXES, type IdKind, idOf, isId } from "./ids.ts";

const kinds = Object.keys(ID_PREFIXES) as IdKind[];
const unixMs = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const random = fc.uint8Array({ minLength: 16, maxLength: 16 });

test("every kind has a prefix of its own", () => {
  expect(new Set(Object.values(ID_PREFIXES)).size).toBe(kinds.length);
});

test("an id of any time and randomness is valid for its kind and for no other", () => {
  fc.assert(
    fc.property(fc.constantFrom(...kinds), unixMs, random, (kind, time, bytes) => {
      const id = encodeId(kind, time, bytes);
      for (const other of kinds) expect(isId(other, id)).toBe(other === kind);
    }),
  );
});

test("ids sort by the time they were made", () => {
  fc.assert(
    fc.property(unixMs, unixMs, random, random, (a, b, bytesA, bytesB) => {
      fc.pre(a !== b);
      const [idA, idB] = [encodeId("agent", a, bytesA), encodeId("agent", b, bytesB)];
      expect(idA < idB).toBe(a < b);
    }),
  );
});

test("an id carries all eighty bits it was given", () => {
  fc.assert(
    fc.property(
      unixMs,
      random,
      fc.nat(15),
      fc.integer({ min: 1, max: 31 }),
      (time, bytes, position, change) => {
        const changed = bytes.map((byte, index) => (index === position ? byte ^ change : byte));
        expect(encodeId("key", time, changed)).not.toBe(encodeId("key", time, bytes));
      },
    ),
  );
});

test.each([
  ["a letter outside the alphabet", "agt_0000000000000000000000000u"],
  ["upper case", "agt_0000000000000000000000000A"],
  ["one character too few", "agt_0000000000000000000000000"],
  ["one character too many", "agt_000000000000000000000000000"],
  ["a line feed at the end", "agt_00000000000000000000000000\n"],
  ["another prefix", "key_00000000000000000000000000"],
  ["no text at all", 7],
])("an id with %s is refused", (_, value) => {
  expect(idOf("agent").safeParse(value).success).toBe(false);
});

test("the refusal says which prefix is wanted", () => {
  expect(idOf("agent").safeParse("x").error?.issues[0]?.message).toBe(
    "must be an id that starts with agt_, not a name",
  );
});

test("a factory draws fresh randomness for each id", () => {
  let draws = 0;
  const makeId = createIdFactory({ now: () => 1, random: (bytes) => bytes.fill(draws++) });
  expect(makeId("tenant")).not.toBe(makeId("tenant"));
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { API_KEY_LENGTH, API_KEY_PATTERN, apiKeyHandle, makeApiKey } from "./api-key.ts";

const BASE58 = [..."123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"];
const apiKey = fc.integer().map((seed) => makeApiKey(seededBytes(seed)));

test("a made key has the documented form and gives its handle back", () => {
  fc.assert(
    fc.property(apiKey, ({ key, handle }) => {
      expect(key).toHaveLength(API_KEY_LENGTH);
      expect(key).toMatch(API_KEY_PATTERN);
      expect(apiKeyHandle(key)).toBe(handle);
    }),
  );
});

test("every single-character typo is caught, at every place", () => {
  fc.assert(
    fc.property(apiKey, fc.constantFrom(...BASE58, "_", "0", "O", "l", " "), ({ key }, typo) => {
      for (let place = 0; place < key.length; place += 1) {
        if (key[place] === typo) continue;
        expect(apiKeyHandle(key.slice(0, place) + typo + key.slice(place + 1))).toBeUndefined();
      }
    }),
  );
});

test("two neighbouring characters that change places are caught", () => {
  fc.assert(
    fc.property(apiKey, ({ key }) => {
      for (let place = 0; place + 1 < key.length; place += 1) {
        const [a = "", b = ""] = key.slice(place, place + 2);
        if (a === b) continue;
        expect(apiKeyHandle(key.slice(0, place) + b + a + key.slice(place + 2))).toBeUndefined();
      }
    }),
  );
});

test("a lost, a doubled or an added character is caught", () => {
  fc.assert(
    fc.property(apiKey, fc.nat(API_KEY_LENGTH - 1), ({ key }, place) => {
      expect(apiKeyHandle(key.slice(0, place) + key.slice(place + 1))).toBeUndefined();
      expect(apiKeyHandle(key.slice(0, place) + key.charAt(place) + key.slice(place))).toBeUndefined();
      expect(apiKeyHandle(`${key}\n`)).toBeUndefined();
    }),
  );
});

test("no text whatever makes the check throw", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => apiKeyHandle(text) === undefined));
});

test("random bytes that would favour some characters are not used", () => {
  const biased = (count: number) =>
    Uint8Array.from({ length: count }, (_, index) => (index % 2 === 0 ? 232 + (index % 24) : 57));
  expect(makeApiKey(biased).handle).toBe("z".repeat(8));
});

function seededBytes(seed: number): (count: number) => Uint8Array {
  let state = seed >>> 0;
  return (count) =>
    Uint8Array.from({ length: count }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    });
}

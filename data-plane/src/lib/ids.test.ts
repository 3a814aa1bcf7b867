import { encodeId, isId } from "@headgate/sdk/contract";
import { expect, test } from "vitest";
import { createIds } from "./ids.ts";

test("ids have the contract's form and carry their time", () => {
  const newId = createIds(() => 1_790_000_000_123);
  const id = newId("request");
  expect(isId("request", id)).toBe(true);
  expect(id.slice(0, 14)).toBe(encodeId("request", 1_790_000_000_123, new Uint8Array(16)).slice(0, 14));
});

test("a hundred thousand ids of one millisecond are all different", () => {
  const newId = createIds(() => 1);
  const ids = new Set(Array.from({ length: 100_000 }, () => newId("attempt")));
  expect(ids.size).toBe(100_000);
});

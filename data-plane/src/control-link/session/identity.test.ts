import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createLogger } from "../../lib/logger.ts";
import { temporaryDirectory } from "../../usage/testing/temporary-directory.ts";
import { loadIdentity } from "./identity.ts";

const silent = createLogger(
  () => undefined,
  () => 0,
);

test("an identity is made once, also where it was kept by a program that stated no version", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "identity.json");
  const { publicKeys } = await loadIdentity(directory.path, silent);
  const { version, checksum, ...older }: { version: number; checksum: string } = JSON.parse(
    readFileSync(path, "utf8"),
  );
  expect({ version, checksum }).toEqual({ version: 2, checksum: expect.stringMatching(/^[0-9a-f]{8}$/) });
  expect(await loadIdentity(directory.path, silent)).toMatchObject({ isNew: false, publicKeys });
  writeFileSync(path, JSON.stringify(older));
  expect(await loadIdentity(directory.path, silent)).toMatchObject({ isNew: false, publicKeys });
});

test("one of a newer program is set aside as it is, and another one made", async () => {
  using directory = temporaryDirectory();
  const { publicKeys } = await loadIdentity(directory.path, silent);
  const path = join(directory.path, "identity.json");
  const newer = readFileSync(path, "utf8").replace('"version":2', '"version":3');
  writeFileSync(path, newer);
  const made = await loadIdentity(directory.path, silent);
  expect(made.isNew).toBe(true);
  expect(made.publicKeys).not.toEqual(publicKeys);
  expect(readdirSync(directory.path).sort()).toEqual(["identity.json", "identity.json.newer-1"]);
  expect(readFileSync(`${path}.newer-1`, "utf8")).toBe(newer);
});

import { sql } from "drizzle-orm";
import { expect, onTestFinished, test } from "vitest";
import { withPlatform } from "../db/tenant-scope.ts";
import { openTestPlatform, TEST_NOW } from "../testing/test-platform.ts";
import { loadSigningKeys } from "./signing-keys.ts";

test("the platform's keys are made once and stay, encrypted at rest", async () => {
  const platform = await openTestPlatform();
  onTestFinished(() => platform.close());
  const load = () =>
    loadSigningKeys(platform.db, { wrapper: platform.keyWrapper, makeId: platform.makeId, now: TEST_NOW });
  const [one, two] = [await load(), await load()];
  expect(two.snapshot.trusted).toEqual(one.snapshot.trusted);
  const { rows } = await withPlatform(platform.db, (tx) =>
    tx.execute<{ private_key: string }>(sql`select private_key from signing_keys`),
  );
  expect(rows).toHaveLength(2);
  expect(JSON.stringify(rows)).not.toContain("crv");
});

import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { withTenant } from "../../db/tenant-scope.ts";
import { openTestPlatform, TEST_NOW } from "../../testing/test-platform.ts";
import { rebuildMinutes } from "./rebuild-minutes.ts";

const PERIOD = { fromMs: Date.UTC(2026, 10), toMs: TEST_NOW };

test("no batch is taken in while the minutes are made again", async () => {
  const platform = await openTestPlatform();
  const { tenantId } = await platform.newTenant();
  const { rows } = await withTenant(platform.db, tenantId, async (tx) => {
    await rebuildMinutes(tx, tenantId, PERIOD);
    return tx.execute(sql`select relation::regclass::text as held from pg_locks where mode = 'RowShareLock'`);
  });
  expect(rows).toEqual(expect.arrayContaining([{ held: "usage_streams" }, { held: "tenants" }]));
  await platform.close();
});

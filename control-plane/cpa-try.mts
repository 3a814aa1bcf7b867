import { sql } from "drizzle-orm";
import { createPglite, openDatabase } from "/work/main/control-plane/src/db/client.ts";
import { enterTenant, withPlatform, withTenant } from "/work/main/control-plane/src/db/tenant-scope.ts";

let t = performance.now();
const h = await openDatabase({ kind: "memory" });
console.log("open+migrate", performance.now() - t);
try {
  console.log(
    (
      await withTenant(h.db, "ten_00000000000000000000000000", (tx) =>
        tx.execute(
          sql`select current_user, 5::int8 a, 9007199254740993::int8 b, 1.50::numeric c, '{"a":1}'::jsonb d, '\\x01'::bytea e`,
        ),
      )
    ).rows,
  );
  console.log((await withPlatform(h.db, (tx) => tx.execute(sql`select count(*) from tenants`))).rows);
  await withPlatform(h.db, (tx) => tx.execute(sql`select count(*) from agents`));
} catch (e) {
  console.log(e);
}
const p = (h.db as any).$client;
t = performance.now();
const dump = await p.dumpDataDir("none");
console.log("dump", performance.now() - t, dump.size);
for (let i = 0; i < 2; i++) {
  t = performance.now();
  const h2 = await openDatabase({ kind: "memory", template: dump });
  console.log("open from template", performance.now() - t);
  console.log((await withPlatform(h2.db, (tx) => tx.execute(sql`select count(*) from tenants`))).rows);
}
await h.close();

/**
 * Brings price changes to the tenants: each whose newest snapshot says other prices than the book takes a new
 * revision, in its own transaction. Compares what is with what should be, so it may be run at any time and as often
 * as one likes; a run that was cut short is made good by the next.
 */
import type { Id } from "@headgate/sdk/contract";
import { desc, sql } from "drizzle-orm";
import type { Actor } from "../../audit/append-audit.ts";
import { snapshots } from "../../db/schema/snapshots.ts";
import { tenants } from "../../db/schema/tenants.ts";
import { providers } from "../../db/schema/upstreams.ts";
import { type PlatformTx, type TenantTx, withPlatform, withTenant } from "../../db/tenant-scope.ts";
import { canonicalJson } from "../../lib/canonical-json.ts";
import { Fault } from "../../lib/fault.ts";
import type { Logger } from "../../lib/logger.ts";
import { type ChangeServices, changePolicy } from "../../policy/change-policy.ts";
import { type PriceRow, snapshotPricesOfVendors } from "./repository.ts";

/** Throws an AggregateError after all tenants were tried, where any could not be brought up to date. */
export async function publishPrices(services: ChangeServices, actor: Actor): Promise<void> {
  const all = await withPlatform(services.db, (tx) => tx.select({ id: tenants.id }).from(tenants));
  const failures: unknown[] = [];
  for (const { id } of all) {
    try {
      await publishTo(services, id, actor);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0)
    throw new AggregateError(failures, `prices did not reach ${failures.length} tenants`);
}

async function publishTo(services: ChangeServices, tenantId: Id<"tenant">, actor: Actor): Promise<void> {
  if (!(await withTenant(services.db, tenantId, isBehind))) return;
  await changePolicy(services, {
    tenantId,
    actor,
    action: "prices.publish",
    run: async () => ({ result: undefined, resource: tenantId }),
  });
}

async function isBehind(tx: TenantTx): Promise<boolean> {
  const [newest] = await tx
    .select({ prices: sql<string>`(${snapshots.document}::jsonb -> 'prices')::text` })
    .from(snapshots)
    .orderBy(desc(snapshots.revision))
    .limit(1);
  if (newest === undefined) return false;
  const used = await tx.selectDistinct({ vendor: providers.vendor }).from(providers);
  const wanted = await snapshotPricesOfVendors(
    tx,
    used.map(({ vendor }) => vendor),
  );
  return canonicalJson(JSON.parse(newest.prices)) !== canonicalJson(wanted);
}

/** The book changes in one transaction; tenants follow in theirs, and those that could not are left to the next pass. */
export async function changePrices(
  { services, actor }: { services: ChangeServices & { readonly logger: Logger }; actor: Actor },
  change: (tx: PlatformTx) => Promise<PriceRow>,
): Promise<PriceRow> {
  let price: PriceRow;
  try {
    price = await withPlatform(services.db, change);
  } catch (error) {
    throw error instanceof Fault && error.constraint === "price_versions_no_overlap"
      ? new Fault("api.conflict", {
          detail: "Another price of this is valid at the same time.",
          cause: error,
        })
      : error;
  }
  try {
    await publishPrices(services, actor);
  } catch (error) {
    services.logger.error({ err: error, price: price.id }, "prices did not reach all tenants");
  }
  return price;
}

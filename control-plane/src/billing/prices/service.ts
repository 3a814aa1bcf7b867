/**
 * The price book, and how its changes come to the tenants: each whose newest snapshot says other prices than the book
 * takes a new revision, in its own transaction. Compares what is with what should be, so it may be run at any time and as
 * often as one likes; a run that was cut short is made good by the next.
 */
import type { Id } from "@headgate/sdk/contract";
import type { Database } from "../../db/client.ts";
import { type PlatformTx, type TenantTx, withPlatform, withTenant } from "../../db/tenant-scope.ts";
import type { Actor } from "../../identity/actor.ts";
import { Fault } from "../../lib/fault.ts";
import type { Logger } from "../../lib/logger.ts";
import { type PageRequest, pageOf } from "../../lib/page.ts";
import { type ChangeServices, changePolicy } from "../../policy/change-policy.ts";
import { lacksPrices } from "../../snapshots/service.ts";
import { createPriceBook, type PriceBook } from "./price-book.ts";
import {
  closePrice,
  insertPrice,
  listPrices,
  type PriceFilter,
  type PriceRow,
  pricesOfVendors,
  tenantIds,
} from "./repository.ts";

interface OperatorContext {
  readonly services: ChangeServices & { readonly logger: Logger };
  readonly actor: Actor;
}

type NewPrice = Pick<PriceRow, "vendor" | "model" | "dimension" | "usd_per_million" | "valid_from"> & {
  readonly valid_to?: number | undefined;
};

export const prices = {
  /** Faults: `api.conflict` where another price of the same thing is valid at any moment of this one. */
  create(ctx: OperatorContext, { valid_to: end, ...content }: NewPrice) {
    const { makeId, clock } = ctx.services;
    const made = { id: makeId("price"), created_at: clock.wallMs(), created_by: ctx.actor.id };
    const row = { ...content, ...made, valid_to: end ?? null, closed_by: null };
    return change(ctx, (tx) => insertPrice(tx, row));
  },

  /** Faults: `api.not_found`, `api.conflict` where it was closed before. */
  close(ctx: OperatorContext, id: Id<"price">, validTo: number) {
    return change(ctx, (tx) => closePrice(tx, { id, validTo, closedBy: ctx.actor.id }));
  },

  async list(db: Database, { cursor, limit, ...filter }: PageRequest & PriceFilter) {
    const query = { ...filter, after: cursor, limit: limit + 1 };
    const rows = await withPlatform(db, (tx) => listPrices(tx, query));
    return pageOf(rows, limit, { cursor: (row) => row.id, view: (row) => row });
  },
};

/** With all versions of these vendors, past and future ones too. */
export async function priceBookOf(tx: TenantTx, vendors: readonly string[]): Promise<PriceBook> {
  return createPriceBook(await pricesOfVendors(tx, vendors));
}

/** Throws an AggregateError after all tenants were tried, where any could not be brought up to date. */
export async function publishPrices(services: ChangeServices, actor: Actor): Promise<void> {
  const failures: unknown[] = [];
  for (const tenantId of await withPlatform(services.db, tenantIds)) {
    const run = async () => ({ result: undefined, resource: tenantId });
    try {
      if (await withTenant(services.db, tenantId, lacksPrices))
        await changePolicy({ services, tenantId, actor }, { action: "prices.publish", run });
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0)
    throw new AggregateError(failures, `prices did not reach ${failures.length} tenants`);
}

/** The book changes in one transaction; tenants follow in theirs, and those that could not are left to the next pass. */
async function change(
  { services, actor }: OperatorContext,
  run: (tx: PlatformTx) => Promise<PriceRow>,
): Promise<PriceRow> {
  const price = await withPlatform(services.db, run).catch((error: unknown) => {
    if (!(error instanceof Fault) || error.constraint !== "price_versions_no_overlap") throw error;
    const detail = "Another price of this is valid at the same time.";
    throw new Fault("api.conflict", { detail, cause: error });
  });
  try {
    await publishPrices(services, actor);
  } catch (error) {
    services.logger.error({ err: error, price: price.id }, "prices did not reach all tenants");
  }
  return price;
}

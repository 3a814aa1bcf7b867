import { decimalString, idOf, snapshotPrice } from "@headgate/sdk/contract";
import { z } from "zod";
import { memberProcedure, operatorProcedure, router } from "../../api/trpc/procedures.ts";
import { withPlatform } from "../../db/tenant-scope.ts";
import { MINUTE_MS } from "../../ledger/minutes/roll-up.ts";
import { pageInput, pageOf, pageSchema } from "../../lib/page.ts";
import { unixMs } from "../../lib/view.ts";
import { closePrice, insertPrice, listPrices, type PriceRow } from "./repository.ts";
import { changePrices } from "./service.ts";

const vendor = z.string().regex(/^[\x21-\x7e]{1,64}$/, "must be 1 to 64 printable ASCII characters");
const priceModel = z
  .string()
  .regex(
    /^(\*|[A-Za-z0-9][A-Za-z0-9._:/@-]{0,126}([A-Za-z0-9._:/@-]|\*)?)$/,
    "must be a model name, or the start of one followed by *",
  );
/** Unix milliseconds; usage is priced by the minute. */
const wholeMinute = z.number().int().nonnegative().max(8.64e15).multipleOf(MINUTE_MS);

/** Data planes reckon in nano-dollars for a million units, and would refuse a snapshot with a finer price. */
const usdPerMillion = decimalString.regex(/^\d+(\.\d{1,9})?$/, "must have at most nine places");

const created = z
  .strictObject({
    vendor,
    model: priceModel,
    dimension: z.string().regex(/^[a-z][a-z0-9_]{0,47}$/),
    usd_per_million: usdPerMillion,
    valid_from: wholeMinute,
    valid_to: wholeMinute.optional(),
  })
  .refine(({ valid_from, valid_to }) => valid_to === undefined || valid_to > valid_from, {
    path: ["valid_to"],
    error: "must be after valid_from",
  });

const priceView = snapshotPrice.extend({
  created_at: unixMs,
  created_by: z.string(),
  closed_by: z.string().nullable(),
});

export const pricesRouter = router({
  /** A price from a minute on, for all tenants. */
  create: operatorProcedure
    .input(created)
    .output(priceView)
    .mutation(async ({ ctx, input }) => {
      const row: PriceRow = {
        ...input,
        id: ctx.services.makeId("price"),
        valid_to: input.valid_to ?? null,
        created_at: ctx.services.clock.wallMs(),
        created_by: ctx.actor.id,
        closed_by: null,
      };
      return changePrices(ctx, (tx) => insertPrice(tx, row));
    }),

  /** Ends a price at a minute; prices are never changed or deleted. */
  close: operatorProcedure
    .input(z.strictObject({ price_id: idOf("price"), valid_to: wholeMinute }))
    .output(priceView)
    .mutation(async ({ ctx, input: { price_id: id, valid_to: validTo } }) =>
      changePrices(ctx, (tx) => closePrice(tx, { id, validTo, closedBy: ctx.actor.id })),
    ),

  /** The price book, also what is no longer valid, in the order of ids. */
  list: memberProcedure
    .input(
      z.strictObject({
        vendor: vendor.optional(),
        model: priceModel.optional(),
        ...pageInput,
      }),
    )
    .output(pageSchema(priceView))
    .query(async ({ ctx, input }) => {
      const filter = { vendor: input.vendor, model: input.model, after: input.cursor };
      const rows = await withPlatform(ctx.services.db, (tx) => listPrices(tx, filter, input.limit + 1));
      return pageOf(rows, input.limit, { cursor: (row) => row.id, view: (row) => row });
    }),
});

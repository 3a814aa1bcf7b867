import { decimalString, idOf, snapshotPrice } from "@headgate/sdk/contract";
import { z } from "zod";
import { memberProcedure, operatorProcedure, router } from "../../api/trpc/procedures.ts";
import { pageInput, pageSchema } from "../../lib/page.ts";
import { unixMs } from "../../lib/view.ts";
import { wholeMinute } from "../usage/views.ts";
import { prices } from "./service.ts";

const vendor = z.string().regex(/^[\x21-\x7e]{1,64}$/, "must be 1 to 64 printable ASCII characters");
const priceModel = z
  .string()
  .regex(
    /^(\*|[A-Za-z0-9][A-Za-z0-9._:/@-]{0,126}([A-Za-z0-9._:/@-]|\*)?)$/,
    "must be a model name, or the start of one followed by *",
  );

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
    .mutation(({ ctx, input }) => prices.create(ctx, input)),

  /** Ends a price at a minute; prices are never changed or deleted. */
  close: operatorProcedure
    .input(z.strictObject({ price_id: idOf("price"), valid_to: wholeMinute }))
    .output(priceView)
    .mutation(({ ctx, input }) => prices.close(ctx, input.price_id, input.valid_to)),

  /** The price book, also what is no longer valid, in the order of ids. */
  list: memberProcedure
    .input(z.strictObject({ vendor: vendor.optional(), model: priceModel.optional(), ...pageInput }))
    .output(pageSchema(priceView))
    .query(({ ctx, input }) => prices.list(ctx.services.db, input)),
});

import { index, pgTable, text } from "drizzle-orm/pg-core";
import { idColumn, int53 } from "../columns.ts";

/** The price book, the same for all tenants. Two prices of one thing never overlap in time. */
export const priceVersions = pgTable(
  "price_versions",
  {
    id: idColumn<"price">().primaryKey(),
    vendor: text().notNull(),
    /** An upstream model's name, or a prefix of it that ends in `*`. */
    model: text().notNull(),
    dimension: text().notNull(),
    /** An exact decimal, as it was given. */
    usd_per_million: text().notNull(),
    /** Unix milliseconds at a whole minute. */
    valid_from: int53().notNull(),
    /** Exclusive; null while open. */
    valid_to: int53(),
    created_at: int53().notNull(),
    created_by: text().notNull(),
    closed_by: text(),
  },
  (t) => [index("price_versions_thing_index").on(t.vendor, t.model, t.dimension)],
);

import type { SnapshotKey } from "@headgate/sdk/contract";
import { jsonb, pgTable, text } from "drizzle-orm/pg-core";
import { idColumn, int53 } from "../columns.ts";

/** The platform's own signing keys. */
export const signingKeys = pgTable("signing_keys", {
  id: idColumn<"signingKey">().primaryKey(),
  /** What it signs: tenants' snapshots, or the credentials of data planes. */
  purpose: text().$type<"snapshot" | "credential">().notNull(),
  public_key: jsonb().$type<SnapshotKey["public_key"]>().notNull(),
  /** The private JWK, encrypted under the platform's key. */
  private_key: text().notNull(),
  created_at: int53().notNull(),
  /** No longer signs from then on; null while in use. */
  retired_at: int53(),
});

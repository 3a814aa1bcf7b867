/** Columns and policies that the tables share. */
import { CONTRACT_VERSION, type Format, type Id, type IdKind } from "@headgate/sdk/contract";
import { sql } from "drizzle-orm";
import { bigint, customType, pgPolicy, pgRole, text } from "drizzle-orm/pg-core";

/** The role of every tenant transaction; it sees the rows of one tenant and is bound by row-level security. */
export const appRole = pgRole("headgate_app").existing();
/** The role of platform transactions; it sees a short list of tables and no tenant's resources. */
export const platformRole = pgRole("headgate_platform").existing();

export const idColumn = <K extends IdKind>() => text().$type<Id<K>>();

export const tenantIdColumn = () => text().$type<Id<"tenant">>().notNull();

/** Unix milliseconds, or another whole number below 2^53. */
export const int53 = () => bigint({ mode: "number" });

export const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => "bytea",
  toDriver: (value) => Buffer.from(value.buffer, value.byteOffset, value.byteLength),
});

/** After a transaction that set it, the setting is '' and not null, hence the nullif. */
const CURRENT_TENANT = sql.raw("nullif(current_setting('app.tenant_id', true), '')");

/** Rows of the current tenant and no others, for reading and for writing. Goes into every tenant table. */
export function tenantPolicy(column: "tenant_id" | "id" = "tenant_id") {
  const own = sql`${sql.identifier(column)} = ${CURRENT_TENANT}`;
  return pgPolicy("tenant_rows", { to: appRole, for: "all", using: own, withCheck: own });
}

/** All rows, for the platform's role: only on tables that must be read before the tenant is known. */
export function platformPolicy() {
  return pgPolicy("platform_rows", { to: platformRole, for: "all", using: sql`true`, withCheck: sql`true` });
}

/**
 * A document of the contract, kept in the newest form, which it states, and lifted where it is read. `unstated` is the
 * schema of one that was kept before any was. Null where a newer program has kept it.
 */
export function contractColumn<T>({ read, write }: Format<T>, unstated?: string) {
  return customType<{ data: T | null; driverData: unknown }>({
    dataType: () => "jsonb",
    toDriver: (value) => JSON.stringify(value && write(value, CONTRACT_VERSION)),
    fromDriver(stored) {
      const document: object = typeof stored === "string" ? JSON.parse(stored) : stored;
      const reading = read(unstated === undefined ? document : { schema: unstated, ...document });
      return reading.ok ? reading.value : null;
    },
  })();
}

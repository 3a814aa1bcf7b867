/**
 * The SQL that all changes of a policy share: that of the tenant's row, that of its resources, each kind of which is a
 * table with the columns of `ResourceRow` and its own, and that of the names by which limits and budgets select.
 */
import type { Id, IdKind, Selector } from "@headgate/sdk/contract";
import { and, count, eq, inArray, ne, sql } from "drizzle-orm";
import type { AnyPgColumn, PgTable } from "drizzle-orm/pg-core";
import { agents } from "../db/schema/identity.ts";
import { budgets, limits } from "../db/schema/policy.ts";
import { type TenantRow, tenants } from "../db/schema/tenants.ts";
import { models } from "../db/schema/upstreams.ts";
import { type PageQuery, selectPage } from "../db/select-page.ts";
import type { TenantTx } from "../db/tenant-scope.ts";

/** The tenant's row, kept as it is by others until the transaction ends. */
export async function lockTenant(tx: TenantTx, id: Id<"tenant">): Promise<TenantRow | undefined> {
  const [row] = await tx.select().from(tenants).where(eq(tenants.id, id)).for("update");
  return row;
}

/** As `lockTenant`, with the next revision. */
export async function takeRevision(tx: TenantTx, id: Id<"tenant">): Promise<TenantRow | undefined> {
  const next = { revision: sql`${tenants.revision} + 1` };
  const [row] = await tx.update(tenants).set(next).where(eq(tenants.id, id)).returning();
  return row;
}

/** What every row has beside its content. */
export interface Made<K extends IdKind> {
  tenant_id: Id<"tenant">;
  id: Id<K>;
  /** Unix milliseconds. */
  created_at: number;
  /** The tenant's revision at which it was made or last changed. */
  revision: number;
}

export interface ResourceRow<K extends IdKind> extends Made<K> {
  name?: string;
}

/** A table whose rows are of this type. */
export type TableOf<Row> = PgTable & {
  readonly id: AnyPgColumn;
  readonly name?: AnyPgColumn;
  readonly $inferSelect: Row;
};

/** Rows that have this value in this column. */
export interface Match {
  readonly column: AnyPgColumn;
  readonly value: string;
}

export async function insertRow<Row extends object>(
  tx: TenantTx,
  table: TableOf<Row>,
  row: Row,
): Promise<void> {
  await tx.insert<PgTable>(table).values({ ...row });
}

/** In the order of their ids. */
export function selectRows<Row extends object>(
  tx: TenantTx,
  table: TableOf<Row>,
  { match, ...page }: PageQuery & { readonly match?: Match | undefined },
): Promise<Row[]> {
  return selectPage(tx, [table, table.id], { ...page, where: match && eq(match.column, match.value) });
}

export async function findRow<Row extends object>(
  tx: TenantTx,
  table: TableOf<Row>,
  match: Match,
): Promise<Row | undefined> {
  const [row] = await selectRows(tx, table, { match, limit: 1 });
  return row;
}

export async function updateRow<Row extends object>(
  tx: TenantTx,
  table: TableOf<Row>,
  row: Row & { readonly id: string },
): Promise<void> {
  await tx
    .update<PgTable>(table)
    .set({ ...row })
    .where(eq(table.id, row.id));
}

export async function deleteRow(tx: TenantTx, table: TableOf<object>, id: string): Promise<void> {
  await tx.delete(table).where(eq(table.id, id));
}

export async function countRows(tx: TenantTx, table: TableOf<object>): Promise<number> {
  const [row] = await tx.select({ rows: count() }).from<PgTable>(table);
  return row?.rows ?? 0;
}

/** Whether a row other than this one has this value in this column. */
export async function isTaken(
  tx: TenantTx,
  table: TableOf<object>,
  { column, value, id }: Match & { readonly id: string },
): Promise<boolean> {
  const where = and(eq(column, value), ne(table.id, id));
  return (await tx.select({ id: table.id }).from<PgTable>(table).where(where).limit(1)).length > 0;
}

/** Of these agents those that the tenant has. */
export async function existingAgents(tx: TenantTx, ids: Id<"agent">[]): Promise<Set<string>> {
  const rows = await tx.select({ id: agents.id }).from(agents).where(inArray(agents.id, ids));
  return new Set(rows.map(({ id }) => id));
}

/** Of these names of models those that the tenant has. */
export async function existingModels(tx: TenantTx, names: string[]): Promise<Set<string>> {
  const rows = await tx.select({ name: models.name }).from(models).where(inArray(models.name, names));
  return new Set(rows.map(({ name }) => name));
}

/** Ids of the limits and budgets that name all that `match` names. */
export async function selectorsOf(tx: TenantTx, match: Selector): Promise<string[]> {
  const users: { id: string }[] = [];
  for (const table of [limits, budgets]) {
    const where = sql`${table.match} @> ${JSON.stringify(match)}::jsonb`;
    users.push(...(await tx.select({ id: table.id }).from(table).where(where)));
  }
  return users.map(({ id }) => id);
}

/** Lets the limits and budgets of a model go on under its new name; they change with `revision`. */
export async function renameModelInSelectors(
  tx: TenantTx,
  { from, to, revision }: { from: string; to: string; revision: number },
): Promise<void> {
  for (const table of [limits, budgets])
    await tx
      .update(table)
      .set({
        match: sql`jsonb_set(${table.match}, '{models}', (${table.match} -> 'models') - ${from}::text || ${JSON.stringify([to])}::jsonb)`,
        revision,
      })
      .where(sql`${table.match} @> ${JSON.stringify({ models: [from] })}::jsonb`);
}

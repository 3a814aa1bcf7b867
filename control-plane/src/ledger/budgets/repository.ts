import type { Id } from "@headgate/sdk/contract";
import { sql } from "drizzle-orm";
import type { TenantTx } from "../../db/tenant-scope.ts";

export async function addToCounters(
  tx: TenantTx,
  { tenantId, streamId }: { readonly tenantId: Id<"tenant">; readonly streamId: Id<"stream"> },
  sums: ReadonlyMap<string, bigint>,
  at: number,
): Promise<void> {
  const rows = [...sums].map(([key, amount]) => ({ key, amount: amount.toString() }));
  await tx.execute(sql`
    with account as (
      insert into budget_accounts as a (tenant_id, version) values (${tenantId}, ${rows.length})
      on conflict (tenant_id) do update set version = a.version + excluded.version
      returning version
    )
    insert into budget_spent as s (tenant_id, stream_id, key, amount, version, changed_at, never_ends)
    select ${tenantId}::text, ${streamId}::text, key, amount,
      account.version + 1 - row_number() over (order by key), ${at}::bigint, split_part(key, ':', 3) = 'total'
    from account, jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r(key text, amount numeric)
    on conflict (tenant_id, stream_id, key) do update set
      amount = s.amount + excluded.amount, version = excluded.version, changed_at = excluded.changed_at`);
}

/** Counters of windows, and not those that never end. */
export async function forgetBefore(tx: TenantTx, at: number): Promise<void> {
  await tx.execute(sql`delete from budget_spent where not never_ends and changed_at < ${at}`);
}

/** 0 where nothing was ever charged. */
export async function accountVersion(tx: TenantTx): Promise<number> {
  const { rows } = await tx.execute<{ version: number }>(sql`select version from budget_accounts`);
  return Number(rows[0]?.version ?? 0);
}

/** In the order of their versions; a counter as often as other streams have changed it. */
export async function changedBeside(
  tx: TenantTx,
  streamId: Id<"stream">,
  since: number,
  limit: number,
): Promise<{ key: string; version: number }[]> {
  const { rows } = await tx.execute<{ key: string; version: number }>(sql`
    select key, version from budget_spent where version > ${since} and stream_id <> ${streamId}
    order by version limit ${limit}`);
  return rows;
}

export async function spentBeside(
  tx: TenantTx,
  streamId: Id<"stream">,
  keys: readonly string[],
): Promise<{ key: string; amount: string }[]> {
  const { rows } = await tx.execute<{ key: string; amount: string }>(sql`
    select key, sum(amount)::text as amount from budget_spent
    where stream_id <> ${streamId} and key in (select jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb))
    group by key order by key`);
  return rows;
}

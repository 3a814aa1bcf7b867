/** Usage by minute: a projection of the raw batches, to the unit. */
import type { Id } from "@headgate/sdk/contract";
import { sql } from "drizzle-orm";
import { USAGE_COLUMNS } from "../../db/schema/usage-columns.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";
import type { Period } from "../../lib/period.ts";
import { MINUTE_MS, type MinuteCalls, type RollUp, type UsageScope } from "./roll-up.ts";

/** Adds to the minutes, one statement for each table whatever the number of rows. */
export async function addToMinutes(tx: TenantTx, tenantId: Id<"tenant">, rollUp: RollUp): Promise<void> {
  if (rollUp.calls.length > 0) {
    await tx.execute(sql`
      insert into usage_minute_calls (tenant_id, ${SCOPE}, calls, attempts, unsettled, estimated)
      select ${tenantId}::text, ${SCOPE}, calls, attempts, unsettled, estimated
      from jsonb_to_recordset(${JSON.stringify(rollUp.calls)}::jsonb)
        as r(${SCOPE_TYPES}, calls bigint, attempts bigint, unsettled bigint, estimated bigint)
      on conflict (tenant_id, ${SCOPE}) do update set
        calls = usage_minute_calls.calls + excluded.calls,
        attempts = usage_minute_calls.attempts + excluded.attempts,
        unsettled = usage_minute_calls.unsettled + excluded.unsettled,
        estimated = usage_minute_calls.estimated + excluded.estimated`);
  }
  if (rollUp.quantities.length > 0) {
    const rows = rollUp.quantities.map((row) => ({ ...row, quantity: row.quantity.toString() }));
    await tx.execute(sql`
      insert into usage_minutes (tenant_id, ${SCOPE}, dimension, quantity)
      select ${tenantId}::text, ${SCOPE}, dimension, quantity
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as r(${SCOPE_TYPES}, dimension text, quantity numeric)
      on conflict (tenant_id, ${SCOPE}, dimension) do update set
        quantity = usage_minutes.quantity + excluded.quantity`);
  }
}

/** All minutes of the period in no particular order, or their sums over longer stretches of time. */
export async function readMinutes(
  tx: TenantTx,
  { fromMs, toMs }: Period,
  bucketMs = MINUTE_MS,
): Promise<RollUp> {
  const scope = sql`minute - minute % ${sql.raw(`${bucketMs}`)} as minute, ${COLUMNS}`;
  const within = sql`where minute >= ${fromMs} and minute < ${toMs} group by 1, ${COLUMNS}`;
  const { rows: quantities } = await tx.execute<UsageScope & { dimension: string; quantity: string }>(sql`
    select ${scope}, dimension, sum(quantity)::text as quantity from usage_minutes ${within}, dimension`);
  const { rows: calls } = await tx.execute<MinuteCalls>(sql`
    select ${scope}, sum(calls)::bigint as calls, sum(attempts)::bigint as attempts,
      sum(unsettled)::bigint as unsettled, sum(estimated)::bigint as estimated from usage_minute_calls ${within}`);
  return { quantities: quantities.map((row) => ({ ...row, quantity: BigInt(row.quantity) })), calls };
}

const COLUMNS = sql.raw(USAGE_COLUMNS.join(", "));
const SCOPE = sql`minute, ${COLUMNS}`;
const SCOPE_TYPES = sql.raw(["minute bigint", ...USAGE_COLUMNS.map((name) => `${name} text`)].join(", "));

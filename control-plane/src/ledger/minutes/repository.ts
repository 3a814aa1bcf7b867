/** Usage by minute: a projection of the raw batches, which can be thrown away and made again. */
import type { Id } from "@headgate/sdk/contract";
import { and, gte, lt, sql } from "drizzle-orm";
import { usageMinuteCalls, usageMinutes } from "../../db/schema/usage.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";
import type { Period } from "../batches/repository.ts";
import type { MinuteCalls, MinuteQuantity, RollUp, UsageScope } from "./roll-up.ts";

/** Adds to the minutes, one statement for each table whatever the number of rows. */
export async function addToMinutes(tx: TenantTx, tenantId: Id<"tenant">, rollUp: RollUp): Promise<void> {
  if (rollUp.calls.length > 0) {
    const rows = rollUp.calls.map((row) => ({ ...scopeColumns(row), ...counts(row) }));
    await tx.execute(sql`
      insert into usage_minute_calls (tenant_id, ${SCOPE}, calls, attempts, unsettled, estimated)
      select ${tenantId}::text, ${SCOPE}, calls, attempts, unsettled, estimated
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as r(${SCOPE_TYPES}, calls bigint, attempts bigint, unsettled bigint, estimated bigint)
      on conflict (tenant_id, ${SCOPE}) do update set
        calls = usage_minute_calls.calls + excluded.calls,
        attempts = usage_minute_calls.attempts + excluded.attempts,
        unsettled = usage_minute_calls.unsettled + excluded.unsettled,
        estimated = usage_minute_calls.estimated + excluded.estimated`);
  }
  if (rollUp.quantities.length > 0) {
    const rows = rollUp.quantities.map((row) => ({
      ...scopeColumns(row),
      dimension: row.dimension,
      quantity: row.quantity.toString(),
    }));
    await tx.execute(sql`
      insert into usage_minutes (tenant_id, ${SCOPE}, dimension, quantity)
      select ${tenantId}::text, ${SCOPE}, dimension, quantity
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as r(${SCOPE_TYPES}, dimension text, quantity numeric)
      on conflict (tenant_id, ${SCOPE}, dimension) do update set
        quantity = usage_minutes.quantity + excluded.quantity`);
  }
}

/** All minutes of the period, in no particular order. */
export async function readMinutes(tx: TenantTx, period: Period): Promise<RollUp> {
  const quantities = await tx.select().from(usageMinutes).where(within(usageMinutes.minute, period));
  const calls = await tx.select().from(usageMinuteCalls).where(within(usageMinuteCalls.minute, period));
  return {
    quantities: quantities.map((row) => ({
      ...scopeOfRow(row),
      dimension: row.dimension,
      quantity: BigInt(row.quantity),
    })),
    calls: calls.map((row) => ({ ...scopeOfRow(row), ...counts(row) })),
  };
}

export async function deleteMinutes(tx: TenantTx, period: Period): Promise<void> {
  await tx.delete(usageMinutes).where(within(usageMinutes.minute, period));
  await tx.delete(usageMinuteCalls).where(within(usageMinuteCalls.minute, period));
}

function within(minute: typeof usageMinutes.minute | typeof usageMinuteCalls.minute, period: Period) {
  return and(gte(minute, period.fromMs), lt(minute, period.toMs));
}

const SCOPE = sql.raw(
  "minute, agent_id, team, cost_center, department, provider_id, vendor, model, upstream_model, endpoint",
);
const SCOPE_TYPES = sql.raw(
  "minute bigint, agent_id text, team text, cost_center text, department text, provider_id text, vendor text, model text, upstream_model text, endpoint text",
);

function scopeColumns(row: UsageScope) {
  return {
    minute: row.minute,
    agent_id: row.agentId,
    team: row.team,
    cost_center: row.costCenter,
    department: row.department,
    provider_id: row.providerId,
    vendor: row.vendor,
    model: row.model,
    upstream_model: row.upstreamModel,
    endpoint: row.endpoint,
  };
}

function scopeOfRow(row: ReturnType<typeof scopeColumns>): UsageScope {
  return {
    minute: row.minute,
    agentId: row.agent_id,
    team: row.team,
    costCenter: row.cost_center,
    department: row.department,
    providerId: row.provider_id,
    vendor: row.vendor,
    model: row.model,
    upstreamModel: row.upstream_model,
    endpoint: row.endpoint,
  };
}

function counts({ calls, attempts, unsettled, estimated }: Omit<MinuteCalls, keyof UsageScope>) {
  return { calls, attempts, unsettled, estimated };
}

/** One string for one row: equal for equal keys only. */
export function minuteKey(row: MinuteQuantity | MinuteCalls): string {
  const scope = Object.values(scopeColumns(row));
  return JSON.stringify("dimension" in row ? [...scope, row.dimension] : scope);
}

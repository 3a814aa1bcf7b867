/**
 * What was spent of budgets, by stream: a projection of the raw batches that replicas ask for, so that what one has
 * spent counts for all others, and for whoever comes after it without its disk.
 */
import {
  BUDGETS_PER_ANSWER_MAX,
  type HeartbeatAnswer,
  type Id,
  type UsageEvent,
} from "@headgate/sdk/contract";
import type { TenantTx } from "../../db/tenant-scope.ts";
import { accountVersion, addToCounters, changedBeside, forgetBefore, spentBeside } from "./repository.ts";

/** Longer than the longest window, and than usage of it is late. What never ends is kept for ever. */
const KEPT_MS = 62 * 24 * 3_600_000;

/** Adds what events of one stream charged. Takes the tenant's account until the transaction ends, so it comes last. */
export async function addCharges(
  tx: TenantTx,
  owner: { readonly tenantId: Id<"tenant">; readonly streamId: Id<"stream"> },
  events: readonly UsageEvent[],
  at: number,
): Promise<void> {
  const sums = new Map<string, bigint>();
  for (const { charges = [] } of events)
    for (const { key, amount } of charges) sums.set(key, (sums.get(key) ?? 0n) + BigInt(amount));
  if (sums.size === 0) return;
  await addToCounters(tx, owner, sums, at);
  await forgetBefore(tx, at - KEPT_MS);
}

/**
 * The counters that have changed under other streams since a version of the account, with all that these have spent of
 * them. From the beginning where the account has never been there: the database is then an older one.
 */
export async function chargesBeside(
  tx: TenantTx,
  streamId: Id<"stream">,
  since: number,
): Promise<HeartbeatAnswer["budgets"]> {
  const version = await accountVersion(tx);
  if (version === since) return { version, more: false, spent: [] };
  const from = since > version ? 0 : since;
  const changed = await changedBeside(tx, streamId, from, BUDGETS_PER_ANSWER_MAX + 1);
  const told = changed.slice(0, BUDGETS_PER_ANSWER_MAX);
  const last = told.at(-1);
  const spent = await spentBeside(tx, streamId, [...new Set(told.map(({ key }) => key))]);
  return changed.length > told.length && last !== undefined
    ? { version: Number(last.version), more: true, spent }
    : { version, more: false, spent };
}

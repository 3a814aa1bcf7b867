/**
 * Audits the ledger of one tenant after another, for ever, and raises an alarm where an invariant does not hold: a gauge
 * to be woken by, and a line in the log that says where. Those of a few tenants are open at a time and go on in turn, so
 * that a long ledger does not keep short ones waiting. All of it is in memory only: the alarm stands until a later audit
 * of that tenant finds nothing or the process ends. After a restart the gauge is absent until the first audit has ended,
 * and what was found is found again when that tenant's next one does.
 */
import type { Contract, Id } from "@headgate/sdk/contract";
import type { Logger } from "pino";
import { Counter, Gauge, type Registry } from "prom-client";
import type { Database } from "../../db/client.ts";
import { readTenant, withPlatform } from "../../db/tenant-scope.ts";
import type { Clock } from "../../lib/clock.ts";
import { createAudit, INVARIANTS, type LedgerAudit, type Violation } from "./audit.ts";
import { tenantAfter } from "./repository.ts";

export interface LedgerWatchOptions {
  readonly db: Database;
  readonly log: Pick<Logger, "error">;
  readonly registry: Registry;
  readonly contract: Contract;
  /** 0 to 1, below 1: where among the tenants the first round begins, so that none comes last after each restart. */
  readonly chance: () => number;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** After which a pass begins no other turn. */
  readonly passMs?: number;
  /** With how many events read a tenant's turn ends. */
  readonly turnEvents?: number;
}

const PASS_MS = 2_000;
/** Well under a second's work, in one transaction. */
const TURN_EVENTS = 1_000;
/** Audits under way: each holds its sums in memory. Were all of them long, the rest would wait for one to end. */
const OPEN_MAX = 8;
/** Of one invariant of one tenant; the rest is as many lines that say the same. */
const LOGGED_MAX = 5;

/** Gives the function that makes one pass. */
export function createLedgerWatch(options: LedgerWatchOptions): () => Promise<void> {
  const { db, log, registry, clock, passMs = PASS_MS, turnEvents = TURN_EVENTS } = options;
  const violations = new Gauge({
    name: "headgate_ledger_invariant_violations",
    help: "Rows of the ledger that broke an invariant when their tenant was last audited; must be 0.",
    labelNames: ["invariant"],
    registers: [registry],
  });
  const audits = new Counter({
    name: "headgate_ledger_audits_total",
    help: "Audits of a tenant's whole ledger that ended with a verdict, or failed before one.",
    labelNames: ["outcome"],
    registers: [registry],
  });
  for (const outcome of ["ended", "failed"]) audits.inc({ outcome }, 0);
  const broken = new Map<Id<"tenant">, readonly Violation[]>();
  let place: Id<"tenant"> | number = options.chance();
  /** The first is the next to go on. */
  const open = new Map<Id<"tenant">, LedgerAudit>();

  function report(tenantId: Id<"tenant">, found: readonly Violation[]): void {
    audits.inc({ outcome: "ended" });
    if (found.length === 0) broken.delete(tenantId);
    else broken.set(tenantId, found);
    for (const invariant of INVARIANTS) {
      const isOfIt = (violation: Violation) => violation.invariant === invariant;
      violations.set({ invariant }, [...broken.values()].flat().filter(isOfIt).length);
      const own = found.filter(isOfIt);
      if (own.length === 0) continue;
      const at = own.slice(0, LOGGED_MAX).map((violation) => violation.at);
      log.error({ tenant_id: tenantId, invariant, rows: own.length, at }, "the ledger breaks an invariant");
    }
  }

  /** False once no tenant is left in this round. */
  async function openNext(): Promise<boolean> {
    const tenantId = await withPlatform(db, (tx) => tenantAfter(tx, place));
    place = tenantId ?? 0;
    if (tenantId === undefined) return false;
    if (!open.has(tenantId)) open.set(tenantId, createAudit(options.contract));
    return true;
  }

  async function takeTurn(tenantId: Id<"tenant">, audit: LedgerAudit): Promise<void> {
    open.delete(tenantId);
    try {
      const found = await readTenant(db, tenantId, (tx) => audit.advance(tx, turnEvents));
      if (found === undefined) open.set(tenantId, audit);
      else report(tenantId, found);
    } catch (error) {
      audits.inc({ outcome: "failed" });
      log.error({ err: error, tenant_id: tenantId }, "an audit of the ledger failed");
    }
  }

  return async () => {
    const endMs = clock.monotonicMs() + passMs;
    // At most one round a pass: where all ledgers are short, nothing is gained by reading them without a pause.
    let isRoundOver = false;
    do {
      if (!isRoundOver && open.size < OPEN_MAX) isRoundOver = !(await openNext());
      const [next] = open;
      if (next === undefined) return;
      await takeTurn(...next);
    } while (clock.monotonicMs() < endMs);
  };
}

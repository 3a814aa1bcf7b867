/**
 * Audits the ledger of one tenant after another, for ever, a bounded piece at a time, and raises an alarm where an
 * invariant does not hold: a gauge to be woken by, and a line in the log that says where. The alarm stands until a later
 * audit of that tenant finds nothing.
 */
import type { Contract, Id } from "@headgate/sdk/contract";
import type { Logger } from "pino";
import { Counter, Gauge, type Registry } from "prom-client";
import type { Database } from "../../db/client.ts";
import { readTenant, withPlatform } from "../../db/tenant-scope.ts";
import { createAudit, INVARIANTS, type LedgerAudit, type Violation } from "./audit.ts";
import { tenantAfter } from "./repository.ts";

export interface LedgerWatchOptions {
  readonly db: Database;
  readonly log: Pick<Logger, "error">;
  readonly registry: Registry;
  readonly contract: Contract;
  /** 0 to 1, below 1: where among the tenants the first round begins, so that none comes last after each restart. */
  readonly chance: () => number;
  /** What one pass may do at most. */
  readonly batchesMax?: number;
}

const BATCHES_MAX = 200;
const TENANTS_MAX = 20;
/** Of one invariant of one tenant; the rest is as many lines that say the same. */
const LOGGED_MAX = 5;

/** Gives the function that makes one pass. */
export function createLedgerWatch(options: LedgerWatchOptions): () => Promise<void> {
  const { db, log, registry, batchesMax = BATCHES_MAX } = options;
  const violations = new Gauge({
    name: "headgate_ledger_invariant_violations",
    help: "Rows of the ledger that broke an invariant when their tenant was last audited; must be 0.",
    labelNames: ["invariant"],
    registers: [registry],
  });
  const audits = new Counter({
    name: "headgate_ledger_audits_total",
    help: "Audits of a tenant's whole ledger that came to their end.",
    registers: [registry],
  });
  for (const invariant of INVARIANTS) violations.set({ invariant }, 0);
  const broken = new Map<Id<"tenant">, readonly Violation[]>();
  let place: Id<"tenant"> | number = options.chance();
  let unfinished: { readonly tenantId: Id<"tenant">; readonly audit: LedgerAudit } | undefined;

  function report(tenantId: Id<"tenant">, found: readonly Violation[]): void {
    audits.inc();
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

  return async () => {
    const budget = { batches: batchesMax };
    for (let audited = 0; audited < TENANTS_MAX; audited += 1) {
      const tenantId = unfinished?.tenantId ?? (await withPlatform(db, (tx) => tenantAfter(tx, place)));
      // One round ends here; the next pass begins the next one.
      place = tenantId ?? 0;
      if (tenantId === undefined) return;
      const audit = unfinished?.audit ?? createAudit(options.contract);
      // Whatever goes wrong with one tenant, the next pass goes on with the next.
      unfinished = undefined;
      const found = await readTenant(db, tenantId, (tx) => audit.advance(tx, budget));
      if (found !== undefined) report(tenantId, found);
      else {
        unfinished = { tenantId, audit };
        return;
      }
    }
  };
}

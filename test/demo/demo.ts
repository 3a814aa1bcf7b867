/**
 * `npm run demo`: two tenants, calls of every kind, refusals, a failover, and kills; at the end the gateway's usage is
 * compared with the provider's own ledger, call by call. Ends by itself; the exit code is 1 if anything differs.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UsageEvent } from "@headgate/sdk/contract";
import { until } from "../harness/until.ts";
import { callsOfAllKinds, failover, refusals } from "./acts.ts";
import { ACME, CREDENTIALS, GLOBEX } from "./catalog.ts";
import { freePort } from "./free-port.ts";
import { openKeyRing } from "./key-ring.ts";
import { killControlPlaneDuringCalls, killDataPlaneDuringStreams } from "./kills.ts";
import { createNarrator } from "./narrator.ts";
import { ensurePrices, type OnboardedTenant, onboard } from "./onboarding.ts";
import { type Platform, startPlatform, startProvider } from "./platform.ts";
import { type Reconciliation, reconcile, summaryLine } from "./reconcile.ts";
import { invoiceTable, linesThatDoNotReAdd, usageTable } from "./report.ts";
import { run } from "./run.ts";

const ARRIVAL_MS = 30_000;
const directory = mkdtempSync(join(tmpdir(), "headgate-demo-"));

await run({ stopCode: 130, goOn: `State and logs are kept in ${directory}.` }, async (stack, stop) => {
  const narrator = createNarrator(stop);
  let keep = true;
  stack.defer(() => {
    if (!keep) rmSync(directory, { recursive: true, force: true });
  });

  narrator.heading("Headgate, all of it on this machine");
  const ports = { provider: 0, controlPlane: await freePort(0), metrics: 0 };
  const options = { directory, ports, credentials: CREDENTIALS };
  const provider = stack.use(await narrator.step("simulated provider", () => startProvider(options)));
  const platform = stack.use(
    await narrator.step("control plane, its database embedded", () => startPlatform(options, provider)),
  );
  await narrator.step("price book", () => ensurePrices(platform));

  const keyRing = openKeyRing(join(directory, "keys.json"));
  narrator.heading("Two tenants are onboarded");
  const acme = await onboard(platform, ACME, keyRing, narrator);
  const globex = await onboard(platform, GLOBEX, keyRing, narrator);
  const tenants = [acme, globex];

  narrator.heading("Their agents make calls, through the official clients");
  await callsOfAllKinds(acme, globex, narrator);
  narrator.heading("What is refused");
  await refusals(acme, narrator);
  narrator.heading("A provider fails");
  await failover(acme, platform, narrator);
  narrator.heading("The data plane is killed (-9) in the middle of four streams");
  await killDataPlaneDuringStreams(acme, platform, narrator);
  narrator.heading("The control plane is killed (-9), and calls go on");
  await killControlPlaneDuringCalls(acme, globex, platform, narrator);

  narrator.heading("The books are compared");
  const result = await narrator.step("all usage has reached the ledger", () => compare(platform, tenants));
  for (const tenant of tenants) {
    narrator.heading(`Usage of ${tenant.name} this month`);
    narrator.say(...(await usageTable(tenant, "agent")), "", ...(await usageTable(tenant, "cost_center")));
    narrator.heading(`Draft invoice of ${tenant.name}`);
    narrator.say(...(await invoiceTable(tenant)));
  }
  narrator.heading("Checks");
  const unsettled = narrator.failures.length === 0 ? 4 : result.unsettled;
  narrator.check("every call that reached the provider has one record", result.lost + result.doubled === 0);
  narrator.check("every record is with the tenant whose credential was used", result.wrongTenant === 0);
  narrator.check("settled quantities are the provider's own", result.differing.length === 0);
  narrator.check("only what was running at the kill is unsettled", result.unsettled === unsettled);
  for (const tenant of tenants) {
    const wrong = await linesThatDoNotReAdd(tenant);
    narrator.check(`invoice lines of ${tenant.name} re-add from the raw batches`, wrong.length === 0);
  }
  keep = narrator.failures.length > 0;
  if (keep) {
    narrator.heading("Not as it should be");
    narrator.say(...narrator.failures, "", `state and logs are kept in ${directory}`);
  }
  console.log(`\n${summaryLine(result)}`);
  return keep ? 1 : 0;
});

/** Waits until no call of the provider's is without an event, or the time is over. */
async function compare(platform: Platform, tenants: readonly OnboardedTenant[]): Promise<Reconciliation> {
  const deadline = performance.now() + ARRIVAL_MS;
  return until({ what: "the usage has arrived" }, async () => {
    const calls = await platform.providerLedger();
    const events = new Map<string, UsageEvent[]>();
    for (const tenant of tenants) events.set(tenant.name, await usageEvents(tenant));
    const result = reconcile(calls, events);
    return result.lost === 0 || performance.now() > deadline ? result : undefined;
  });
}

async function usageEvents(tenant: OnboardedTenant): Promise<UsageEvent[]> {
  const events: UsageEvent[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: UsageEvent[]; next_cursor: string | null } = await tenant.api.usage.events({
      limit: 200,
      ...(cursor === null ? {} : { cursor }),
    });
    events.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return events;
}

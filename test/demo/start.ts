/** `npm start`: one tenant from onboarding to a draft invoice, on this machine; then it stays up. */
import { relative, resolve } from "node:path";
import { lockDirectory } from "@headgate/control-plane/directory-lock";
import { until } from "../harness/until.ts";
import * as calls from "./calls.ts";
import { ACME, CREDENTIALS } from "./catalog.ts";
import { commands } from "./commands.ts";
import { freePort } from "./free-port.ts";
import { openKeyRing } from "./key-ring.ts";
import { routeLiveProviders } from "./live-providers.ts";
import { createNarrator, type Narrator, Trouble } from "./narrator.ts";
import { dataPlaneReady, ensurePrices, type OnboardedTenant, onboard } from "./onboarding.ts";
import { startPlatform, startProvider } from "./platform.ts";
import { invoiceTable, usageTable } from "./report.ts";
import { run } from "./run.ts";

const GO_ON =
  "All is kept in .headgate/, logs too: npm start goes on from there; without that folder it begins anew.";

await run({ stopCode: 0, goOn: GO_ON }, async (stack, stop) => {
  const began = performance.now();
  const narrator = createNarrator(stop);
  const directory = resolve(".headgate");
  stack.use(lockDirectory(directory));
  const keyRing = openKeyRing(resolve(directory, "demo-keys.json"));
  const firstTime = Object.keys(keyRing.tenants).length === 0;

  narrator.heading("Headgate on this machine");
  const ports = {
    provider: await portNear(8090, "the simulated provider", narrator),
    controlPlane: await portNear(8080, "the control plane", narrator),
    metrics: await freePort(9464),
  };
  const options = { directory, ports, credentials: CREDENTIALS };
  const provider = stack.use(await narrator.step("simulated provider", () => startProvider(options)));
  const platform = stack.use(
    await narrator.step("control plane, its database embedded", () => startPlatform(options, provider)),
  );

  narrator.heading(firstTime ? "A tenant is onboarded" : "The tenant of the last start is still there");
  await narrator.step("price book", () => ensurePrices(platform));
  const acme = await onboard(platform, ACME, keyRing, narrator);
  const live = await routeLiveProviders(acme.api, process.env);
  if (live.length > 0) {
    await narrator.step(`real providers: ${live.map((model) => model.name).join(", ")}`, () =>
      dataPlaneReady(acme.api, acme.agentKeys["researcher"] ?? "").then(() => undefined),
    );
  }

  narrator.heading("Its agents make calls, through the official clients");
  await governedCalls(acme, narrator);
  narrator.heading("Their usage this month");
  narrator.say(...(await usageTable(acme, "agent")), "", ...(await usageTable(acme, "cost_center")));
  narrator.heading("The invoice, so far");
  narrator.say(...(await invoiceTable(acme)));

  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  narrator.heading(
    `Up after ${seconds} s. Everything is kept in ${relative(process.cwd(), directory)}/. Paste away:`,
  );
  for (const line of commands({
    keyFile: relative(process.cwd(), keyRing.file),
    endpointUrl: acme.endpointUrl,
    controlPlaneUrl: platform.controlPlaneUrl,
    providerUrl: platform.providerUrl,
    live,
  })) {
    console.log(line);
  }
  if (firstTime) {
    narrator.heading("The agents' keys, shown this once");
    for (const [agent, key] of Object.entries(acme.agentKeys)) narrator.say(`${agent.padEnd(12)} ${key}`);
  }
  console.log("\nCtrl-C stops everything.");
  return new Promise<never>(() => undefined);
});

async function governedCalls(tenant: OnboardedTenant, narrator: Narrator): Promise<void> {
  const agent = (name: string) => calls.clientsFor(tenant.endpointUrl, tenant.agentKeys[name] ?? "");
  const researcher = agent("researcher");
  const before = await callsRecorded(tenant);
  await narrator.step("researcher, chat", () => calls.chat("gpt-sim-long", 2_000)(researcher));
  await narrator.step("researcher, streamed message", () =>
    calls.messageStream("claude-sim-long", 2_000)(researcher),
  );
  await narrator.step("researcher, embeddings", () => calls.embedding("embed-sim")(researcher));
  await narrator.step("summariser, response", () => calls.response("gpt-sim-mini")(agent("summariser")));
  await narrator.step("support-bot, streamed chat", () =>
    calls.chatStream("gpt-sim-mini")(agent("support-bot")),
  );
  await narrator.step("support-bot, a model that a rule denies it", async () => {
    const refusal = await calls.refusalOf(agent("support-bot"), calls.message("claude-sim"));
    if (refusal === undefined) throw new Trouble("the call was served, and should not have been");
    return `${refusal.status} ${refusal.code}`;
  });
  await narrator.step("usage of the five calls has reached the ledger", () =>
    until({ what: "their usage has arrived" }, async () => {
      const count = await callsRecorded(tenant);
      return count >= before + 5 ? `${count} calls` : undefined;
    }),
  );
}

async function callsRecorded(tenant: OnboardedTenant): Promise<number> {
  const invoice = await tenant.api.invoices.preview({ period: new Date().toISOString().slice(0, 7) });
  return invoice.calls;
}

async function portNear(preferred: number, what: string, narrator: Narrator): Promise<number> {
  const port = await freePort(preferred);
  if (port !== preferred) narrator.say(`port ${preferred} is taken; ${what} uses ${port}`);
  return port;
}

/** The calls of the demo that the gateway answers while all is well: served, refused, and failed over. */

import * as calls from "./calls.ts";
import { type AgentClients, type Call, type Refusal, refusalOf } from "./calls.ts";
import type { Narrator } from "./narrator.ts";
import type { OnboardedTenant } from "./onboarding.ts";
import type { Platform } from "./platform.ts";

/** More calls than any limit or budget here lets through. */
const ENOUGH = 40;

export function agentOf(tenant: OnboardedTenant, name: string): AgentClients {
  return calls.clientsFor(tenant.endpointUrl, tenant.agentKeys[name] ?? "");
}

export async function callsOfAllKinds(
  acme: OnboardedTenant,
  globex: OnboardedTenant,
  narrator: Narrator,
): Promise<void> {
  const researcher = agentOf(acme, "researcher");
  const supportBot = agentOf(acme, "support-bot");
  const planner = agentOf(globex, "planner");
  const plan: readonly [string, AgentClients, Call][] = [
    ["researcher, openai: chat", researcher, calls.chat("gpt-sim")],
    ["researcher, openai: streamed chat", researcher, calls.chatStream("gpt-sim")],
    ["researcher, openai: response", researcher, calls.response("gpt-sim-mini")],
    ["researcher, openai: streamed response", researcher, calls.responseStream("gpt-sim-mini")],
    ["researcher, openai: embeddings", researcher, calls.embedding("embed-sim")],
    ["researcher, anthropic: message", researcher, calls.message("claude-sim")],
    ["researcher, anthropic: streamed message", researcher, calls.messageStream("claude-sim")],
    [
      "researcher, anthropic: a long streamed message",
      researcher,
      calls.messageStream("claude-sim-long", 2_000),
    ],
    ["researcher, anthropic: count of tokens", researcher, calls.countTokens("claude-sim")],
    ["support-bot, openai: chat", supportBot, calls.chat("gpt-sim-mini")],
    ["planner (of globex), openai: a long chat", planner, calls.chat("gpt-sim-long", 2_000)],
    ["planner (of globex), anthropic: streamed message", planner, calls.messageStream("claude-sim")],
  ];
  for (const [text, clients, call] of plan) await narrator.step(text, () => call(clients));
  const many = Array.from({ length: ENOUGH }, (_, index) =>
    index % 2 === 0 ? calls.chat("gpt-sim-mini")(supportBot) : calls.chatStream("gpt-sim")(planner),
  );
  await narrator.step(`${ENOUGH} calls of both tenants at once`, () =>
    Promise.all(many).then(() => undefined),
  );
}

export async function refusals(acme: OnboardedTenant, narrator: Narrator): Promise<void> {
  const stranger = calls.clientsFor(acme.endpointUrl, "hg_live_nobody");
  told(
    narrator,
    "an unknown key",
    await refusalOf(stranger, calls.chat("gpt-sim")),
    "auth.invalid_credential",
  );

  const supportBot = agentOf(acme, "support-bot");
  const denied = await refusalOf(supportBot, calls.message("claude-sim"));
  told(narrator, "support-bot asks for a model that a rule denies it", denied, "access.denied");

  const limited = await untilRefused(agentOf(acme, "researcher"), calls.embedding("embed-sim"));
  told(narrator, "researcher wants more embeddings than its minute has", limited.refusal, "limit.requests");

  const spent = await untilRefused(agentOf(acme, "summariser"), calls.chat("gpt-sim-long", 400));
  told(
    narrator,
    `summariser has spent its budget after ${spent.served} calls`,
    spent.refusal,
    "budget.exhausted",
  );
}

export async function failover(acme: OnboardedTenant, platform: Platform, narrator: Narrator): Promise<void> {
  const before = (await platform.providerLedger()).length;
  await narrator.step("researcher, a model whose first target answers 500", () =>
    calls.chat("gpt-sim-steady")(agentOf(acme, "researcher")),
  );
  const attempts = (await platform.providerLedger()).slice(before).map((entry) => entry.status);
  narrator.check(
    "the first target failed, the second answered",
    attempts.join() === "500,200",
    attempts.join(", "),
  );
}

async function untilRefused(
  clients: AgentClients,
  call: Call,
): Promise<{ served: number; refusal: Refusal | undefined }> {
  for (let served = 0; served < ENOUGH; served += 1) {
    const refusal = await refusalOf(clients, call);
    if (refusal !== undefined) return { served, refusal };
  }
  return { served: ENOUGH, refusal: undefined };
}

function told(narrator: Narrator, text: string, refusal: Refusal | undefined, code: string): void {
  const answer = refusal === undefined ? "served" : `${refusal.status} ${refusal.code}`;
  narrator.check(text, refusal?.code === code, answer);
}

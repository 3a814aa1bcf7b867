/** What the demo kills, and what must go on all the same. */

import { until } from "../harness/until.ts";
import { agentOf } from "./acts.ts";
import * as calls from "./calls.ts";
import type { Narrator } from "./narrator.ts";
import type { OnboardedTenant } from "./onboarding.ts";
import type { Platform } from "./platform.ts";

/** Chunks that each stream has seen before the kill. */
const UNDER_WAY = 5;

export async function killDataPlaneDuringStreams(
  acme: OnboardedTenant,
  platform: Platform,
  narrator: Narrator,
): Promise<void> {
  const researcher = agentOf(acme, "researcher");
  const chunks = [0, 0, 0, 0];
  const count = (stream: number) => () => {
    chunks[stream] = (chunks[stream] ?? 0) + 1;
  };
  const streams = Promise.allSettled([
    calls.chatStream("gpt-sim-slow", count(0))(researcher),
    calls.chatStream("gpt-sim-slow", count(1))(researcher),
    calls.messageStream("claude-sim-slow", 400, count(2))(researcher),
    calls.messageStream("claude-sim-slow", 400, count(3))(researcher),
  ]);
  await narrator.step("four streams are under way", () =>
    until(
      { what: "chunks of all four streams have come" },
      () => chunks.every((seen) => seen >= UNDER_WAY) && `${chunks.join(", ")} chunks`,
    ),
  );
  platform.killDataPlane(acme.dataPlaneId);
  const ends = await streams;
  const broken = ends.filter((end) => end.status === "rejected").length;
  narrator.check("killed: no stream pretends to have ended well", broken === 4, `${broken} of 4 broke`);
  await narrator.step("the data plane is back, restarted by its driver", () => answering(acme));
  await narrator.step("researcher, chat", () => calls.chat("gpt-sim")(researcher));
}

export async function killControlPlaneDuringCalls(
  acme: OnboardedTenant,
  globex: OnboardedTenant,
  platform: Platform,
  narrator: Narrator,
): Promise<void> {
  await platform.killControlPlane();
  const [researcher, planner] = [agentOf(acme, "researcher"), agentOf(globex, "planner")];
  await narrator.step("no control plane: twelve calls of both tenants", async () => {
    for (let round = 0; round < 4; round += 1) {
      await calls.chat("gpt-sim")(researcher);
      await calls.messageStream("claude-sim")(researcher);
      await calls.chatStream("gpt-sim")(planner);
    }
  });
  const refusal = await calls.refusalOf(agentOf(acme, "support-bot"), calls.message("claude-sim"));
  narrator.check(
    "and its rules still hold",
    refusal?.code === "access.denied",
    refusal === undefined ? "served" : `${refusal.status} ${refusal.code}`,
  );
  await narrator.step("the control plane is back, and knows both tenants", async () => {
    await platform.startControlPlane();
    for (const tenant of [acme, globex]) await tenant.api.tenants.get();
  });
}

/** Resolves when the gateway takes a call again. */
async function answering(tenant: OnboardedTenant): Promise<void> {
  const { openai } = agentOf(tenant, "researcher");
  await until({ what: "the data plane answers" }, () => openai.models.list());
}

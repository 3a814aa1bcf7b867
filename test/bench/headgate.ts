/**
 * Headgate's data plane as a process of its own, fed by the fake control plane, with everything on that a call passes
 * in production: identity, rules, three limits, a budget in dollars, and the durable spool on disk.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeId, makePolicySnapshot } from "@headgate/sdk/testing";
import { startFakeControlPlane } from "../doubles/control-plane/fake-control-plane.ts";
import { makeKey, type PlainPolicy } from "../fixtures/plain-policy.ts";
import type { MockUpstream } from "./mock-upstream.ts";
import { startServerProcess } from "./server-process.ts";
import type { RunningContender } from "./target.ts";

/** `main` is the data plane's entry. Throws when it does not become ready. */
export async function startHeadgate(upstream: MockUpstream, main: string): Promise<RunningContender> {
  const policy = benchPolicy(upstream.port);
  const controlPlane = await startFakeControlPlane({
    policy,
    usage: "acknowledge",
  });
  await mkdir(SCRATCH, { recursive: true });
  const stateDir = await mkdtemp(join(SCRATCH, "bench-"));
  const server = await startServerProcess({
    args: [main],
    env: {
      HEADGATE_CONTROL_PLANE_URL: controlPlane.url,
      HEADGATE_JOIN_TOKEN: controlPlane.joinToken,
      HEADGATE_STATE_DIR: stateDir,
      HEADGATE_PORT: "0",
      HEADGATE_ADMIN_PORT: "0",
    },
    readyEvent: "ready",
  });
  return {
    target: {
      port: server.port,
      headers: { authorization: `Bearer ${policy.keys[0]?.secret}` },
      model: "bench-model",
      pid: server.pid,
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await controlPlane[Symbol.asyncDispose]();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** Beside the repository's other working files: a real disk, not one in memory. */
const SCRATCH = new URL("../../../.headgate/", import.meta.url).pathname;

/** Limits and a budget that every call is counted against and none exceeds. */
function benchPolicy(upstreamPort: number): PlainPolicy {
  const base = makePolicySnapshot();
  const agentId = base.agents[0]?.id ?? makeId("agent");
  return {
    ...base,
    keys: [makeKey(agentId)],
    providers: base.providers.map((provider) => ({
      ...provider,
      base_url: `http://127.0.0.1:${upstreamPort}/v1`,
      credential: "sk-bench",
    })),
    models: base.models.map((model) => ({ ...model, name: "bench-model" })),
    rules: [
      {
        id: makeId("rule"),
        name: "no-interns-on-large-models",
        effect: "deny",
        condition: 'agent.labels["team"] == "interns" && model.name.startsWith("large-")',
      },
      {
        id: makeId("rule"),
        name: "output-is-bounded",
        effect: "require",
        condition: "request.max_output_tokens > 0 && request.max_output_tokens <= 4096",
      },
    ],
    limits: [
      limit({
        name: "requests",
        metric: "requests",
        max: 1_000_000_000,
        window_seconds: 60,
      }),
      limit({
        name: "tokens",
        metric: "tokens",
        max: 1_000_000_000_000,
        window_seconds: 60,
      }),
      limit({ name: "concurrency", metric: "concurrency", max: 1_000_000 }),
    ],
    budgets: [
      {
        id: makeId("budget"),
        name: "monthly",
        unit: "usd",
        max: "1000000000",
        window: "month",
        hold: "maximum",
        match: {},
        per: ["agent"],
      },
    ],
  };
}

type Limit = PlainPolicy["limits"][number];
type WithoutScope<L> = L extends unknown ? Omit<L, "id" | "match" | "per"> : never;

function limit(of: WithoutScope<Limit>): Limit {
  return { id: makeId("limit"), match: {}, per: ["agent"], ...of };
}

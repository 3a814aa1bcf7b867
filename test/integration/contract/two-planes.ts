/** Both real planes over one database, each of which may be ended and started again with another contract. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RunningControlPlane, readConfig, startControlPlane } from "@headgate/control-plane";
import { createClient } from "@headgate/sdk";
import type { Contract, UsageEvent } from "@headgate/sdk/contract";
import { expect } from "vitest";
import { SIMULATED_CREDENTIAL, type SimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat } from "../../fixtures/calls.ts";
import { withDatabase } from "../../harness/database.ts";
import { type RunningProcess, startProcess } from "../../harness/process.ts";
import { until } from "../../harness/until.ts";
import { usageEvents } from "../../harness/usage-events.ts";
import { issueToken } from "../postgres/data-plane.ts";

type Client = ReturnType<typeof createClient>;

export interface TwoPlanes extends AsyncDisposable {
  /** Ends the one that runs, and starts one that knows this contract on what it left. */
  startControlPlane(contract: Contract): Promise<void>;
  stopControlPlane(): Promise<void>;
  /** As `startControlPlane`; resolves when it is ready, which is also without a control plane. */
  startDataPlane(contract: Contract): Promise<void>;
  /** Also ships what usage is left, as long as there is a control plane. */
  stopDataPlane(): Promise<void>;
  /** Kills it at once (SIGKILL), with one call more whose answer it is waiting for. */
  killDataPlane(): Promise<void>;
  /** Makes so many calls, half of them streams; each must be answered. */
  call(count: number): Promise<void>;
  /** Changes the policy through the API; resolves when the data plane has it in force. */
  changePolicy(): Promise<void>;
  /** Resolves when the control plane knows that the replica reads up to this version of the contract. */
  stated(version: number): Promise<void>;
  /** Every event in the ledger, as the API shows it. */
  events(): Promise<readonly UsageEvent[]>;
  /** Calls in the ledger's minutes, from which invoices are made. */
  callsRated(): Promise<number>;
}

export async function openTwoPlanes(
  provider: SimulatedProvider,
  contracts: { readonly controlPlane: Contract; readonly dataPlane: Contract },
): Promise<TwoPlanes> {
  const database = await withDatabase();
  const directory = await mkdtemp(join(tmpdir(), "headgate-two-planes-"));
  let port = 0;
  let controlPlane: RunningControlPlane | undefined;
  let dataPlane: RunningProcess | undefined;
  let dataPlaneUrl = "";
  let rules = 0;

  const stopControlPlane = async () => {
    await controlPlane?.stop();
    controlPlane = undefined;
  };
  const startOneControlPlane = async (contract: Contract) => {
    await stopControlPlane();
    const config = readConfig({
      HEADGATE_DATA_DIR: join(directory, "control-plane"),
      HEADGATE_PORT: String(port),
      HEADGATE_METRICS_PORT: "0",
      HEADGATE_DRIVER: "none",
      HEADGATE_PRIVATE_NETWORKS: "127.0.0.0/8",
      HEADGATE_LOG_LEVEL: "silent",
      DATABASE_URL: database.url,
    });
    controlPlane = await startControlPlane(config, { contract });
    port = Number(new URL(controlPlane.url).port);
  };
  const stopDataPlane = async () => {
    await dataPlane?.kill("SIGTERM");
    dataPlane = undefined;
  };
  const startOneDataPlane = async (contract: Contract) => {
    await stopDataPlane();
    dataPlane = startProcess({
      name: "data-plane",
      entry: DATA_PLANE,
      env: {
        CONTROL_PLANE_URL: `http://127.0.0.1:${port}`,
        JOIN_TOKEN: await issueToken(database, { id: tenant.id, dataPlaneId: data_plane.id }, Date.now()),
        STATE_DIRECTORY: join(directory, "data-plane"),
        VERSION: String(contract.version),
      },
    });
    const listening = await dataPlane.event("listening");
    dataPlaneUrl = String(listening["url"]);
    await dataPlane.event("ready");
  };

  await startOneControlPlane(contracts.controlPlane);
  const url = `http://127.0.0.1:${port}`;
  const operator = createClient({ url, credential: controlPlane?.operatorToken ?? "" });
  const { tenant, admin_key, data_plane } = await operator.tenants.create({
    idempotency_key: "acme",
    name: "acme",
    plan: "team",
    region: "local",
  });
  const api = createClient({ url, credential: admin_key ?? "" });
  const key = await furnish(api, provider.url);
  await startOneDataPlane(contracts.dataPlane);

  const inForce = async (): Promise<boolean> => {
    const [row] = (await api.data_planes.list({ limit: 1 })).items;
    return row !== undefined && row.applied_revision === row.wanted_revision;
  };
  return {
    startControlPlane: startOneControlPlane,
    stopControlPlane,
    startDataPlane: startOneDataPlane,
    stopDataPlane,
    async killDataPlane() {
      const before = provider.ledger.length;
      provider.script({ holdBefore: 0 });
      const unanswered = expect(chat({ url: dataPlaneUrl, key })).rejects.toThrow();
      await until({ what: "the provider has the call" }, () => provider.ledger.length > before);
      await dataPlane?.kill();
      await unanswered;
    },
    async call(count) {
      for (let turn = 0; turn < count; turn += 1) {
        const answer = await chat({ url: dataPlaneUrl, key }, { stream: turn % 2 === 0 });
        const text = await answer.text();
        if (answer.status !== 200) throw new Error(text);
      }
    },
    async changePolicy() {
      rules += 1;
      const condition = `agent.name == "nobody-${rules}"`;
      await api.rules.create({ name: `rule-${rules}`, effect: "deny", condition });
      await until({ what: "the rule is in force" }, inForce);
    },
    async stated(version) {
      await until({ what: `version ${version} is stated` }, async () => {
        const [row] = await database.query("SELECT contract_version FROM data_plane_replicas");
        return row?.["contract_version"] === version;
      });
    },
    events: () => usageEvents(api),
    async callsRated() {
      const to = Math.ceil(Date.now() / 60_000) * 60_000;
      const { items } = await api.usage.query({
        from: to - 24 * 3_600_000,
        to,
        group_by: [],
        granularity: "none",
      });
      return items.reduce((sum, { calls }) => sum + calls, 0);
    },
    async [Symbol.asyncDispose]() {
      await stopDataPlane();
      await stopControlPlane();
      await database[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const DATA_PLANE = fileURLToPath(new URL("data-plane-process.ts", import.meta.url));

/** One agent and one model; resolves with the agent's key. */
async function furnish(api: Client, providerUrl: string): Promise<string> {
  const provider = await api.providers.create({
    name: "simulated",
    dialect: "openai",
    vendor: "openai",
    base_url: `${providerUrl}/v1`,
    credential: SIMULATED_CREDENTIAL,
    allowed_cidrs: ["127.0.0.0/8"],
  });
  const model = await api.models.create({
    name: "chat",
    kind: "chat",
    context_tokens_max: 8_000,
    output_tokens_max: 1_000,
  });
  const targets = [{ provider_id: provider.id, upstream_model: "sim-small" }];
  await api.routes.put({ model_id: model.id, targets });
  const agent = await api.agents.create({ name: "agent", labels: {} });
  return (await api.keys.create({ agent_id: agent.id })).secret;
}

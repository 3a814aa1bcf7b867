/** A tenant of the suite: onboarded through the typed client, with one agent, one provider and its models. */
import { createClient } from "@headgate/sdk";
import { fetch, type RequestInit, type Response } from "undici";
import { until } from "../../harness/until.ts";
import type { Client, ClusterPlatform } from "./cluster-platform.ts";
import { REGION } from "./cluster-settings.ts";

export interface ClusterTenant {
  readonly id: `ten_${string}`;
  readonly name: string;
  readonly dataPlaneId: `dpl_${string}`;
  readonly namespace: string;
  /** The API, with the tenant's own admin key. */
  readonly api: Client;
  readonly agentKey: string;
  /** Milliseconds from `tenants.create` on. */
  readonly createdAt: number;
  /** Where its agents call, by a name that the cluster resolves. */
  readonly endpointUrl: string;
  /** A call of the agent to the tenant's data plane. */
  call(path: string, init?: RequestInit): Promise<Response>;
  chat(model?: string): Promise<Response>;
}

/** What it takes to onboard a tenant, wherever the control plane runs. */
export type TenantWorld = Pick<ClusterPlatform, "node" | "operator" | "url" | "provider" | "agent">;

export type Plan = "starter" | "team" | "enterprise";

/** The simulated provider reads its behaviour from the upstream model's name. */
const MODELS = {
  "gpt-sim": "sim-small",
  /** About ten seconds of stream. */
  "gpt-sim-slow": "sim-large@tokens-200@event-50",
  /** About a minute. */
  "gpt-sim-long": "sim-large@tokens-600@event-100",
  /** A hundred seconds of so few events that they cost a replica next to nothing, on a slow machine too. */
  "gpt-sim-quiet": "sim-large@tokens-200@event-500",
} as const;

/** Creates it and gives it what an agent needs; resolves before its data plane is up. */
export async function createTenant(
  platform: TenantWorld,
  name: string,
  plan: Plan = "starter",
): Promise<Omit<ClusterTenant, "endpointUrl" | "call" | "chat">> {
  const createdAt = performance.now();
  const { tenant, admin_key, data_plane } = await platform.operator.tenants.create({
    idempotency_key: `suite-${name}`,
    name,
    plan,
    region: REGION,
  });
  const api = createClient({ url: platform.url, credential: admin_key ?? "" });
  const provider = await api.providers.create({
    name: "simulated",
    dialect: "openai",
    vendor: "sim-openai",
    base_url: `${platform.provider.url}/v1`,
    credential: "sk-simulated-acme",
    allowed_cidrs: [`${platform.node.address}/32`],
  });
  for (const [model, upstream_model] of Object.entries(MODELS)) {
    const { id: model_id } = await api.models.create({
      name: model,
      kind: "chat",
      context_tokens_max: 128_000,
      output_tokens_max: 4_096,
    });
    await api.routes.put({ model_id, targets: [{ provider_id: provider.id, upstream_model }] });
  }
  const agent = await api.agents.create({ name: "researcher" });
  const { secret } = await api.keys.create({ agent_id: agent.id, name: "suite" });
  return {
    id: tenant.id,
    name,
    dataPlaneId: data_plane.id,
    namespace: `hg-${tenant.id.slice(4)}`,
    api,
    agentKey: secret,
    createdAt,
  };
}

/** Onboards a tenant and resolves when its agent has had its first answer. */
export async function onboard(
  platform: TenantWorld,
  name: string,
  plan: Plan = "starter",
): Promise<ClusterTenant> {
  const created = await createTenant(platform, name, plan);
  return firstAnswer(platform, created);
}

const READY_SECONDS = 180;

export async function firstAnswer(
  platform: TenantWorld,
  created: Awaited<ReturnType<typeof createTenant>>,
): Promise<ClusterTenant> {
  const endpointUrl = await until(
    { what: `the data plane of ${created.name} is ready`, seconds: READY_SECONDS, everyMs: 200 },
    async () => {
      const row = await created.api.data_planes.get({ data_plane_id: created.dataPlaneId });
      return row.state === "ready" && row.applied_revision === row.wanted_revision
        ? (row.endpoint_url ?? false)
        : false;
    },
  );
  const call = (path: string, init: RequestInit = {}) =>
    fetch(`${endpointUrl}${path}`, {
      ...init,
      dispatcher: platform.agent,
      headers: { authorization: `Bearer ${created.agentKey}`, "content-type": "application/json" },
    });
  const tenant: ClusterTenant = {
    ...created,
    endpointUrl,
    call,
    chat: (model = "gpt-sim") =>
      call("/v1/chat/completions", {
        method: "POST",
        body: JSON.stringify({ model, messages: [{ role: "user", content: "How high is the water?" }] }),
      }),
  };
  // The service has its endpoints a moment after the pods have said that they are ready.
  await until({ what: `the first answer to ${created.name}`, seconds: 30, everyMs: 100 }, async () => {
    const answer = await tenant.chat();
    const body = await answer.text();
    if (answer.status !== 200) throw new Error(`the call was answered with ${answer.status}: ${body}`);
    return true;
  });
  return tenant;
}

/** Deletes the tenant's data plane and resolves when it is gone. */
export async function destroy(tenant: Pick<ClusterTenant, "api" | "dataPlaneId" | "name">): Promise<void> {
  await tenant.api.data_planes.delete({ data_plane_id: tenant.dataPlaneId });
  await until(
    { what: `the data plane of ${tenant.name} is gone`, seconds: READY_SECONDS, everyMs: 500 },
    async () => {
      const row = await tenant.api.data_planes.get({ data_plane_id: tenant.dataPlaneId });
      return row.state === "deleted";
    },
  );
}

import type { Id } from "@headgate/sdk/contract";
import { operationEvents, operations } from "../db/schema/provisioning.ts";
import { withTenant } from "../db/tenant-scope.ts";
import { recordDecisions } from "../decisions/service.ts";
import type { TestServer } from "./create-test-server.ts";

interface Made<K extends "agent" | "provider" | "model" | "route" | "rule" | "limit" | "budget" | "key"> {
  id: Id<K>;
}

export interface TestTenant {
  readonly id: Id<"tenant">;
  readonly name: string;
  readonly dataPlaneId: Id<"dataPlane">;
  /** Its admin key. */
  readonly caller: { readonly credential: string };
}

let made = 0;

/** A tenant with nothing in it but what every tenant has. */
export async function createTestTenant(
  server: TestServer,
  name = `tenant-${++made}`,
  region = "local",
): Promise<TestTenant> {
  const created = await server.ok<{
    tenant: { id: Id<"tenant"> };
    admin_key: string;
    data_plane: { id: Id<"dataPlane"> };
  }>(
    "tenants.create",
    { idempotency_key: name, name, plan: "team", region },
    { credential: server.operatorToken },
  );
  return {
    id: created.tenant.id,
    name,
    dataPlaneId: created.data_plane.id,
    caller: { credential: created.admin_key },
  };
}

export interface FurnishedTenant extends TestTenant {
  readonly agent: Id<"agent">;
  readonly key: Id<"key">;
  readonly secret: string;
  readonly provider: Id<"provider">;
  readonly model: Id<"model">;
  readonly modelName: string;
  readonly route: Id<"route">;
  readonly rule: Id<"rule">;
  readonly limit: Id<"limit">;
  readonly budget: Id<"budget">;
  /** A call of the agent that the rule has refused. */
  readonly decision: Id<"decision">;
  /** One that is over. */
  readonly operation: Id<"operation">;
}

/** A tenant that owns one of everything. */
export async function createFurnishedTenant(
  server: TestServer,
  options: { credential?: string } = {},
): Promise<FurnishedTenant> {
  const tenant = await createTestTenant(server);
  const make = <T>(path: string, input: unknown) => server.ok<T>(path, input, tenant.caller);
  const agent = await make<Made<"agent">>("agents.create", { name: "agent", labels: { team: "research" } });
  const { key, secret } = await make<{ key: Made<"key">; secret: string }>("keys.create", {
    agent_id: agent.id,
  });
  const provider = await make<Made<"provider">>("providers.create", {
    name: "provider",
    dialect: "openai",
    vendor: "openai",
    base_url: "https://api.example.com/v1",
    credential: options.credential ?? "sk-test",
  });
  const modelName = `model-of-${tenant.name}`;
  const model = await make<Made<"model">>("models.create", {
    name: modelName,
    kind: "chat",
    context_tokens_max: 1000,
    output_tokens_max: 100,
  });
  const targets = [{ provider_id: provider.id, upstream_model: "gpt" }];
  const route = await make<Made<"route">>("routes.put", { model_id: model.id, targets });
  const rule = await make<Made<"rule">>("rules.create", {
    name: "rule",
    effect: "deny",
    condition: "request.stream",
  });
  const limit = await make<Made<"limit">>("limits.create", {
    name: "limit",
    metric: "requests",
    max: 10,
    window_seconds: 60,
    per: ["agent"],
  });
  const budget = await make<Made<"budget">>("budgets.create", {
    name: "budget",
    unit: "usd",
    max: "10.5",
    window: "month",
  });
  return {
    ...tenant,
    agent: agent.id,
    key: key.id,
    secret,
    provider: provider.id,
    model: model.id,
    modelName,
    route: route.id,
    rule: rule.id,
    limit: limit.id,
    budget: budget.id,
    decision: await tellDecision(server, tenant, { agent_id: agent.id, policy_id: rule.id }),
    operation: await insertOperation(server, tenant),
  };
}

async function tellDecision(
  { services, clock }: TestServer,
  tenant: TestTenant,
  about: { agent_id: Id<"agent">; policy_id: Id<"rule"> },
): Promise<Id<"decision">> {
  const decision_id = services.makeId("decision");
  const request_id = services.makeId("request");
  const at = clock.wallMs();
  const decision = { decision_id, request_id, at, code: "access.denied", status: 403, revision: 1, ...about };
  const teller = { tenantId: tenant.id, dataPlaneId: tenant.dataPlaneId };
  await recordDecisions(services.db, teller, { decisions: [decision], left_out: 0 }, at);
  return decision_id;
}

async function insertOperation(
  server: TestServer,
  { id, dataPlaneId }: TestTenant,
): Promise<Id<"operation">> {
  const operation = server.services.makeId("operation");
  const at = server.clock.wallMs();
  await withTenant(server.services.db, id, async (tx) => {
    await tx.insert(operations).values({
      tenant_id: id,
      id: operation,
      data_plane_id: dataPlaneId,
      kind: "up",
      reason: "created",
      state: "succeeded",
      generation: 1,
      fencing_token: 1,
      created_at: at,
      started_at: at,
      ended_at: at,
    });
    await tx.insert(operationEvents).values({
      tenant_id: id,
      operation_id: operation,
      seq: 1,
      at,
      type: "started",
      payload: { stage: "up" },
    });
  });
  return operation;
}

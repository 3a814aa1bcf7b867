import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readConfig } from "./config.ts";
import { startControlPlane } from "./start-control-plane.ts";
import { createTestServer } from "./testing/create-test-server.ts";

test("what was written is there after a restart, and so is the operator's token", async () => {
  const HEADGATE_DATA_DIR = await mkdtemp(join(tmpdir(), "headgate-start-"));
  const config = readConfig({
    HEADGATE_DATA_DIR,
    HEADGATE_PORT: "0",
    HEADGATE_METRICS_PORT: "0",
    HEADGATE_DRIVER: "none",
    HEADGATE_LOG_LEVEL: "silent",
  });
  const first = await startControlPlane(config);
  const created = await post(first, { idempotency_key: "k", name: "n", plan: "team", region: "r" });
  expect(await (await fetch(`${first.metricsUrl}/metrics`)).text()).toMatch(
    /headgate_api_calls_total\{procedure="tenants.create",outcome="ok"\} 1/,
  );
  await first.stop();
  await expect(fetch(`${first.url}/livez`)).rejects.toThrow();

  const second = await startControlPlane(config);
  expect(second.operatorToken).toBe(first.operatorToken);
  expect((await fetch(`${second.url}/readyz`)).status).toBe(200);
  const again = await post(second, { idempotency_key: "k", name: "n", plan: "team", region: "r" });
  expect(again.result.data.tenant.id).toBe(created.result.data.tenant.id);
  await second.stop();
}, 60_000);

test("bodies that are too large or no JSON are refused in the API's own form", async () => {
  await using server = await createTestServer();
  const send = (payload: string, type = "application/json") =>
    server.app.inject({
      method: "POST",
      url: "/trpc/tenants.create",
      headers: { "content-type": type, authorization: `Bearer ${server.operatorToken}` },
      payload,
    });
  const answers = [await send("{"), await send(`"${"x".repeat(2_000_000)}"`), await send("a=1", "text/csv")];
  for (const answer of answers) {
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect(answer.statusCode).toBeLessThan(500);
    expect(answer.body).not.toMatch(/node_modules|\bat /);
  }
});

interface Running {
  url: string;
  operatorToken: string;
}

async function post(
  running: Running,
  input: object,
): Promise<{ result: { data: { tenant: { id: string } } } }> {
  const response = await fetch(`${running.url}/trpc/tenants.create`, {
    method: "POST",
    headers: { authorization: `Bearer ${running.operatorToken}`, "content-type": "application/json" },
    body: JSON.stringify(input),
  });
  return response.json() as Promise<{ result: { data: { tenant: { id: string } } } }>;
}

import { once } from "node:events";
import { mkdtemp, readFile, rename } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Id } from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { desc } from "drizzle-orm";
import { expect, test } from "vitest";
import { insertPrice } from "../billing/prices/repository.ts";
import { readConfig } from "../config.ts";
import { openDatabase } from "../db/client.ts";
import { snapshots } from "../db/schema/snapshots.ts";
import { withPlatform, withTenant } from "../db/tenant-scope.ts";
import { createTestServer } from "../testing/create-test-server.ts";
import { writeFakeDataPlane } from "../testing/fake-data-plane.ts";
import { explainStartFailure } from "./explain-start-failure.ts";
import { startControlPlane } from "./start-control-plane.ts";

test("what was written is there after a restart, and so is the operator's token", async () => {
  const { config, first } = await startNew();
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
});

test("a price change that was cut off before it had reached a tenant reaches it with the next start", async () => {
  const { config, first } = await startNew();
  const { result } = await post(first, { idempotency_key: "k", name: "n", plan: "team", region: "r" });
  const provider = { name: "p", dialect: "openai", vendor: "openai", base_url: "https://api.example.com/v1" };
  await post(first, provider, { procedure: "providers.create", tenant: result.data.tenant.id });
  await first.stop();
  const database = await openDatabase({
    kind: "embedded",
    directory: join(config.dataDirectory, "database"),
  });
  const price = { vendor: "openai", model: "*", dimension: "request", usd_per_million: "1", valid_from: 0 };
  await withPlatform(database.db, (tx) =>
    insertPrice(tx, {
      ...price,
      id: makeId("price"),
      valid_to: null,
      created_at: 0,
      created_by: "operator",
      closed_by: null,
    }),
  );
  await database.close();

  const second = await startControlPlane(config);
  // Stopping waits for what the start has begun.
  await second.stop();
  const reopened = await openDatabase({
    kind: "embedded",
    directory: join(config.dataDirectory, "database"),
  });
  const [newest] = await withTenant(reopened.db, result.data.tenant.id, (tx) =>
    tx.select().from(snapshots).orderBy(desc(snapshots.revision)).limit(1),
  );
  expect(JSON.parse(newest?.document ?? "{}")).toMatchObject({ prices: [price] });
  await reopened.close();
});

test("a data directory that another control plane works in is refused, and is free after its end", async () => {
  const { config, first } = await startNew();
  await expect(startControlPlane(config)).rejects.toThrow(`in use by process ${process.pid}`);
  expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
  await first.stop();
  await (await startControlPlane(config)).stop();
});

test("a start that fails half-way leaves nothing listening and the data directory free", async () => {
  const { config, first } = await startNew();
  await first.stop();
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const metricsPort = (taken.address() as AddressInfo).port;
  await expect(startControlPlane({ ...config, metricsPort })).rejects.toThrow("EADDRINUSE");
  taken.close();
  await (await startControlPlane(config)).stop();
});

test("a start without the platform's key is refused in plain words, and possible again with the file", async () => {
  const { config, first } = await startNew();
  await first.stop();
  const file = join(config.dataDirectory, "platform-key");
  await rename(file, `${file}.kept`);
  const failure: unknown = await startControlPlane(config).catch((error: unknown) => error);
  expect(explainStartFailure(failure, config)).toMatch(/platform-key is missing.*Put the file back/);
  await rename(`${file}.kept`, file);
  await (await startControlPlane(config)).stop();
});

test("the page of metrics lists what is exposed, each with its type, and nothing else", async () => {
  const entry = await writeFakeDataPlane(await mkdtemp(join(tmpdir(), "headgate-start-")));
  const { first } = await startNew({ HEADGATE_DRIVER: "local", HEADGATE_DATA_PLANE_ENTRY: entry });
  const scrape = await (await fetch(`${first.metricsUrl}/metrics`)).text();
  await first.stop();
  const exposed = [...scrape.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  const page = await readFile(new URL("../../docs/metrics.md", import.meta.url), "utf8");
  const listed = [...page.matchAll(/^\| `(\w+)` +\| (\w+)/gm)].map(([, name, type]) => `${name} ${type}`);
  const ofTheProcess = /^(process|nodejs)_/;
  expect(exposed.filter((name) => !ofTheProcess.test(name)).sort()).toEqual(listed.sort());
  expect(exposed.some((name) => ofTheProcess.test(name))).toBe(true);
});

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

async function startNew(more: Record<string, string> = {}) {
  const config = readConfig({
    HEADGATE_DATA_DIR: await mkdtemp(join(tmpdir(), "headgate-start-")),
    HEADGATE_PORT: "0",
    HEADGATE_METRICS_PORT: "0",
    HEADGATE_DRIVER: "none",
    HEADGATE_LOG_LEVEL: "silent",
    ...more,
  });
  return { config, first: await startControlPlane(config) };
}

interface Created {
  result: { data: { tenant: { id: Id<"tenant"> } } };
}

interface Running {
  url: string;
  operatorToken: string;
}

async function post(
  running: Running,
  input: object,
  { procedure = "tenants.create", tenant = "" } = {},
): Promise<Created> {
  const response = await fetch(`${running.url}/trpc/${procedure}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${running.operatorToken}`,
      "content-type": "application/json",
      ...(tenant === "" ? {} : { "x-headgate-tenant": tenant }),
    },
    body: JSON.stringify(input),
  });
  expect(response.status).toBe(200);
  return response.json() as Promise<Created>;
}

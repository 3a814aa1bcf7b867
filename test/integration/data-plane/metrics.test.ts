/** The metrics are those of their page, they tell what happened, and no caller can make more of them. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type SimulatedProvider, startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { chat, message } from "../../fixtures/calls.ts";
import { makeLimit, makeSimplePolicy } from "../../fixtures/tenant-policy.ts";
import { openRawConnection } from "../../harness/raw-connection.ts";
import { type Family, parseMetrics, seriesOf, sumOf } from "../../harness/scrape.ts";
import { startTenant, type Tenant } from "../../harness/tenant.ts";

/** Generous for a tenant with three models, and far from what a flood would make. */
const SERIES_MAX = 1_000;

let provider: SimulatedProvider;
let tenant: Tenant;
let metrics: Map<string, Family>;

beforeAll(async () => {
  provider = await startSimulatedProvider();
  tenant = await startTenant(
    makeSimplePolicy(provider.url, {
      models: [
        { name: "chat", targets: [{ provider: "open", model: "sim-small" }] },
        { name: "claude", targets: [{ provider: "anth", model: "sim-claude" }] },
        {
          name: "failing",
          targets: [{ provider: "open", model: "sim-a@status-500" }],
          breaker: { failures: 1, open_ms: 600_000 },
        },
        { name: "silent", targets: [{ provider: "open", model: "sim-a@tokens-0" }] },
        { name: "limited", targets: [{ provider: "open", model: "sim-small" }] },
      ],
      limits: [makeLimit({ metric: "tokens", max: 1, window_seconds: 60, match: { models: ["limited"] } })],
    }),
  );
  for (let call = 0; call < 3; call += 1) await (await chat(tenant)).text();
  await (await chat(tenant, { stream: true })).text();
  await (await message(tenant)).text();
  await chat(tenant, { model: "failing" });
  await (await chat(tenant, { model: "silent" })).text();
  await chat(tenant, { model: "limited" });
  using garbage = await openRawConnection(tenant.url);
  await garbage.send("garbage\r\n\r\n");
  await garbage.response();
  metrics = parseMetrics(await tenant.metrics());
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

test("the page lists each metric of ours with its type and labels, and none that is not there", () => {
  const scraped = [...ours(metrics)]
    .map(([name, { type, samples }]) => {
      const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
      labels.delete("le");
      return { name, type, labels: [...labels].toSorted() };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  expect(readPage()).toEqual(scraped);
});

test("what happened is what is counted", () => {
  const requests = (labels: Record<string, string>) => sumOf(metrics, "headgate_requests_total", labels);
  expect(requests({})).toBe(8);
  expect(requests({ endpoint: "chat_completions", status: "200", outcome: "success" })).toBe(5);
  expect(requests({ endpoint: "messages", status: "200" })).toBe(1);
  expect(requests({ outcome: "upstream.error", status: "502" })).toBe(1);
  expect(requests({ outcome: "limit.tokens", status: "429" })).toBe(1);
  expect(sumOf(metrics, "headgate_usage_inconsistent_total", { model: "silent", provider: "open" })).toBe(1);
  expect(sumOf(metrics, "headgate_denials_total", { code: "limit.tokens" })).toBe(1);
  expect(
    sumOf(metrics, "headgate_upstream_failures_total", { provider: "open", code: "upstream.error" }),
  ).toBe(1);
  expect(sumOf(metrics, "headgate_unreadable_requests_total", { code: "request.malformed" })).toBe(1);
  const used = tenant
    .usage()
    .filter(({ subject }) => subject.model === "chat")
    .reduce((sum, { usage }) => sum + (usage["output_text"] ?? 0), 0);
  const labels = { model: "chat", provider: "open", dimension: "output_text", accuracy: "reported" };
  expect(used).toBe(64);
  expect(sumOf(metrics, "headgate_usage_units_total", labels)).toBe(used);
});

test("every request has gone through every stage, and is in the buckets of its duration", () => {
  const samples = metrics.get("headgate_request_stage_seconds")?.samples ?? [];
  const counts = samples.filter(({ name }) => name.endsWith("_count"));
  expect(counts.length).toBeGreaterThan(10);
  const record = counts.find(({ labels }) => labels["stage"] === "record");
  expect(record?.value).toBe(8);
  const durations = metrics.get("headgate_request_duration_seconds")?.samples ?? [];
  const infinite = durations.filter(({ labels }) => labels["le"] === "+Inf");
  expect(infinite.reduce((sum, { value }) => sum + value, 0)).toBe(8);
  const firstTokens = metrics.get("gen_ai_server_time_to_first_token_seconds")?.samples ?? [];
  expect(firstTokens.find(({ name }) => name.endsWith("_count"))).toMatchObject({
    labels: { gen_ai_operation_name: "chat", gen_ai_request_model: "chat" },
    value: 1,
  });
});

test("gauges tell the state of the process", () => {
  expect(sumOf(metrics, "headgate_snapshot_revision")).toBe(1);
  expect(sumOf(metrics, "headgate_breakers_open")).toBe(1);
  expect(sumOf(metrics, "headgate_streams_open")).toBe(0);
  expect(sumOf(metrics, "headgate_requests_in_flight")).toBe(0);
  expect(sumOf(metrics, "headgate_usage_lost_total")).toBe(0);
  expect(sumOf(metrics, "headgate_usage_spool_bytes")).toBeGreaterThan(0);
  expect(sumOf(metrics, "headgate_build_info")).toBe(1);
});

test("metrics, health and readiness are not to be had where agents call", async () => {
  for (const path of ["/metrics", "/livez", "/readyz"]) {
    expect((await fetch(`${tenant.url}${path}`)).status).toBe(404);
  }
});

test("a flood of made-up models, paths, keys and methods makes no more series", async () => {
  const flood = async (number: number) => {
    const calls = [
      chat(tenant, { model: `made-up-${number}` }),
      chat({ url: tenant.url, key: `${tenant.key}${number}` }),
      fetch(`${tenant.url}/v1/made-up-${number}`, {
        method: "PATCH",
        headers: { [`x-made-up-${number}`]: "1" },
      }),
    ];
    await Promise.all(calls.map(async (call) => (await call).text()));
  };
  await flood(0);
  const before = seriesOf(ours(parseMetrics(await tenant.metrics())));
  for (let start = 1; start < 2_000; start += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, index) => flood(start + index)));
  }
  const after = parseMetrics(await tenant.metrics());
  expect(seriesOf(ours(after))).toBe(before);
  expect(seriesOf(after)).toBeLessThan(SERIES_MAX);
  expect(sumOf(after, "headgate_requests_total", { outcome: "model.not_found" })).toBeGreaterThan(1_900);
  expect(await tenant.metrics()).not.toContain("made-up");
});

/** Without those of the runtime, which come and go with what it does. */
function ours(families: Map<string, Family>): Map<string, Family> {
  return new Map([...families].filter(([name]) => /^(headgate|gen_ai)_/.test(name)));
}

/** Rows of the page: `name`, type, labels, meaning. */
function readPage() {
  const page = readFileSync(new URL("../../../data-plane/docs/metrics.md", import.meta.url), "utf8");
  return page
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .filter(([, name]) => name?.startsWith("`"))
    .map(([, name = "", type, labels = "", meaning = ""]) => {
      expect(meaning.length, `${name} is explained`).toBeGreaterThan(20);
      return {
        name: name.replaceAll("`", ""),
        type,
        labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label ?? "").toSorted(),
      };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

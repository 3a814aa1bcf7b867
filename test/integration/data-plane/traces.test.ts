/** Traces arrive at a real collector in OpenTelemetry's GenAI words, under the caller's own span. */
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { expect, test } from "vitest";
import { startFakeControlPlane } from "../../doubles/control-plane/fake-control-plane.ts";
import { startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { simulatedUsage } from "../../doubles/provider/usage.ts";
import { chat, QUESTION } from "../../fixtures/calls.ts";
import { keyOf, makeTenantPolicy } from "../../fixtures/tenant-policy.ts";
import { startDataPlane } from "../../harness/planes.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID = "00f067aa0ba902b7";
const SERVER = 2;
const CLIENT = 3;

test("one SERVER span for the call under the caller's span, and under it one CLIENT span for each attempt", async () => {
  await using state = await mkdtempDisposable(join(tmpdir(), "headgate-traces-"));
  await using collector = await startCollector();
  await using provider = await startSimulatedProvider();
  const policy = makeTenantPolicy({
    providers: [{ name: "openai", url: provider.url }],
    models: [
      {
        name: "fast",
        targets: [
          { provider: "openai", model: "sim-down@status-500" },
          { provider: "openai", model: "sim-up", priority: 1 },
        ],
      },
    ],
  });
  await using controlPlane = await startFakeControlPlane({ policy, usage: "keep" });
  const dataPlane = await startDataPlane({
    controlPlaneUrl: controlPlane.url,
    joinToken: controlPlane.joinToken,
    stateDirectory: state.path,
    env: {
      HEADGATE_TRACES: "otlp",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    },
  });
  await dataPlane.ready;
  const body = { model: "fast", messages: QUESTION, max_tokens: 16, reasoning_effort: "low" };
  const headers = { traceparent: `00-${TRACE_ID}-${PARENT_ID}-01` };
  const response = await chat({ url: dataPlane.url, key: keyOf(policy) }, body, { headers });
  expect(response.status).toBe(200);
  await response.text();
  // What was not exported yet is handed over at the end.
  expect(await dataPlane.process.kill("SIGTERM")).toEqual({ code: 0, signal: null });

  const [call, ...more] = collector.spans.filter(({ kind }) => kind === SERVER);
  expect(more).toEqual([]);
  expect(call).toMatchObject({
    name: "chat fast",
    traceId: TRACE_ID,
    parentSpanId: PARENT_ID,
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "fast",
      "http.request.method": "POST",
      "url.path": "/v1/chat/completions",
      "http.response.status_code": 200,
      "headgate.decision.id": response.headers.get("x-headgate-decision"),
      "headgate.request.id": response.headers.get("x-request-id"),
      "headgate.agent.id": policy.agents[0]?.id,
    },
  });
  const usage = simulatedUsage("/v1/chat/completions", body);
  const attempts = collector.spans.filter(({ kind }) => kind === CLIENT);
  expect(attempts).toMatchObject([
    {
      name: "chat sim-down@status-500",
      traceId: TRACE_ID,
      parentSpanId: call?.spanId,
      attributes: { "error.type": "upstream_error", "http.response.status_code": 500 },
    },
    {
      name: "chat sim-up",
      traceId: TRACE_ID,
      parentSpanId: call?.spanId,
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "sim-up",
        "server.address": "127.0.0.1",
        "gen_ai.usage.input_tokens": usage.input,
        "gen_ai.usage.cache_read.input_tokens": usage.cacheRead,
        "gen_ai.usage.output_tokens": usage.output,
      },
    },
  ]);
  expect(collector.text()).not.toContain(QUESTION[0]?.content ?? "");
  expect(collector.text()).not.toContain(keyOf(policy));
});

interface Span {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface OtlpSpan extends Omit<Span, "attributes"> {
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

interface OtlpTraces {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

/** Takes traces as OTLP over HTTP in JSON. */
async function startCollector() {
  const spans: Span[] = [];
  let text = "";
  const server = createServer(async (request, response) => {
    const traces = (await json(request)) as OtlpTraces;
    text += JSON.stringify(traces);
    for (const { scopeSpans } of traces.resourceSpans) {
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) spans.push(plain(span));
    }
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    text: () => text,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function plain(span: OtlpSpan): Span {
  const attributes = span.attributes.map(({ key, value }) => {
    const [held] = Object.values(value);
    return [key, "intValue" in value ? Number(held) : held];
  });
  return { ...span, attributes: Object.fromEntries(attributes) };
}

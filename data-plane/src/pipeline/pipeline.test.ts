import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { createDecisionLog } from "../telemetry/decision-log.ts";
import { createGatewayMetrics } from "../telemetry/gateway-metrics.ts";
import { noTracing } from "../telemetry/tracing.ts";
import { createExchange, type Exchange } from "./exchange.ts";
import { runPipeline } from "./pipeline.ts";
import { type Gateway, STAGE_NAMES } from "./stage.ts";

test("a caller whose reply cannot be written is cut off, not left waiting, and the call still leaves its record", async () => {
  const records: string[] = [];
  let destroyed = false;
  const response = {
    destroyed: false,
    writableEnded: false,
    writeHead: () => {
      throw new Error("no head for you");
    },
    destroy: () => {
      destroyed = true;
    },
  };
  const exchange = createExchange({
    request: { method: "GET", complete: true },
    response,
    requestId: "req_1",
    decisionId: "dec_1",
    receivedWall: 1,
    receivedMono: 1,
    policy: undefined,
    head: {},
    path: "/",
    style: { statusOf: () => 404, errorBody: () => ({}) },
  } as unknown as Exchange);
  exchange.refusal = { code: "request.unknown_endpoint" };
  const gateway = {
    clock: { wallMs: () => 1, monotonicMs: () => 1 },
    random: () => 0,
    log: { info() {}, warn() {}, error() {} },
    metrics: createGatewayMetrics(new Registry(), STAGE_NAMES),
    tracing: noTracing,
    decisions: createDecisionLog(),
    audit: { write: (line: string) => records.push(line), flush() {} },
  } as unknown as Gateway;

  await runPipeline(exchange, gateway);

  expect(destroyed).toBe(true);
  expect(records).toHaveLength(1);
});

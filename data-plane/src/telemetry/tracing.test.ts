import { type Context, trace } from "@opentelemetry/api";
import { expect, test } from "vitest";
import type { Exchange } from "../pipeline/exchange.ts";
import { createTracing } from "./tracing.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;
const AGENT = { agent: { id: "agt_0000000000000000000000000a" } };

test.each([
  ["one with a good key", AGENT, undefined, { traceId: TRACE_ID, traceFlags: 1 }],
  ["one that a rule refuses", AGENT, { code: "access.denied" }, { traceId: TRACE_ID, traceFlags: 1 }],
  ["a stranger", undefined, { code: "auth.invalid_credential" }, undefined],
  ["one with a revoked key", AGENT, { code: "auth.invalid_credential" }, undefined],
  ["one whose agent is disabled", AGENT, { code: "auth.agent_disabled" }, undefined],
  ["one of whom nothing is known yet", undefined, { code: "request.malformed" }, undefined],
])("only a caller who is known has a say in what is traced: %s", (_who, principal, refusal, expected) => {
  const parents: Context[] = [];
  const provider = {
    startSpan(_name: string, _options: object, parent: Context) {
      parents.push(parent);
      return trace.wrapSpanContext({ traceId: "0".repeat(32), spanId: "0".repeat(16), traceFlags: 0 });
    },
  };
  const exchange = {
    head: { traceparent: TRACEPARENT },
    request: {},
    attempts: [],
    receivedWall: 0,
    principal,
    refusal,
  };
  createTracing(provider as never).trace(exchange as unknown as Exchange, 1, "x");
  const [parent] = parents;
  expect(parent && trace.getSpanContext(parent)).toEqual(expected && expect.objectContaining(expected));
});

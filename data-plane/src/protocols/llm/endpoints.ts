/** The protocol of model calls: every endpoint of every dialect. */
import type { Id } from "@headgate/sdk/contract";
import { ATTR_GEN_AI_OPERATION_NAME } from "@opentelemetry/semantic-conventions/incubating";
import type { Registry } from "prom-client";
import { scanJsonObject } from "../../lib/json/scan-json.ts";
import type { CallEndpoint, Endpoint, OwnEndpoint, Protocol, WholeAnswer } from "../protocol.ts";
import { LlmCall, type ReadBody } from "./call.ts";
import type { Dialect, ModelEndpoint } from "./dialects/dialect.ts";
import { isListed, listModels } from "./list-models.ts";
import { createModelMetrics } from "./model-telemetry.ts";
import { pageModels } from "./page-models.ts";

export function createLlm(dialects: readonly Dialect[], registry: Registry): Protocol {
  const metrics = createModelMetrics(registry);
  const plainTargets = new Set<Id<"target">>();
  const byName = new Map(dialects.map((dialect) => [dialect.name, dialect]));
  return {
    endpoints: dialects.flatMap((dialect) =>
      dialect.endpoints.map((endpoint): Endpoint => {
        const { name, path, operation } = endpoint;
        const spanAttributes = { [ATTR_GEN_AI_OPERATION_NAME]: operation };
        const shared = { name, path, operation, spanAttributes, style: dialect, claims: dialect.claims };
        return endpoint.method === "POST"
          ? {
              ...shared,
              kind: "call",
              method: "POST",
              read: readerOf(dialect, endpoint, { metrics, plainTargets, dialects: byName }),
            }
          : {
              ...shared,
              kind: "own",
              method: "GET",
              answer: answererOf(dialect, byName),
            };
      }),
    ),
    headers: Object.assign({}, ...dialects.map(({ headers }) => headers)),
    styleFor: (path, head) => dialects.find((dialect) => dialect.claims(path, head)),
  };
}

function answererOf(dialect: Dialect, dialects: ReadonlyMap<string, Dialect>): OwnEndpoint["answer"] {
  return async ({ policy, agent, wallMs, pathParameters, query }) => {
    const name = pathParameters["model"];
    if (name !== undefined) {
      return isListed(policy, dialects, { agent, wallMs, name })
        ? jsonAnswer(dialect.modelEntry(name, policy.issuedAt))
        : { code: "model.not_found", parameter: "model" };
    }
    const page = pageModels(await listModels(policy, dialects, { agent, wallMs }), query);
    return "code" in page ? page : jsonAnswer(dialect.modelList(page, policy.issuedAt));
  };
}

function jsonAnswer(value: object): WholeAnswer {
  return {
    kind: "json",
    status: 200,
    contentType: "application/json",
    body: Buffer.from(JSON.stringify(value)),
  };
}

function readerOf(
  dialect: Dialect,
  endpoint: ModelEndpoint,
  shared: Pick<ReadBody, "metrics" | "plainTargets" | "dialects">,
): CallEndpoint["read"] {
  return (body, pathParameters) => {
    const scan = scanJsonObject(body);
    if (!scan.ok) return { code: scan.fault };
    const call = new LlmCall(dialect, endpoint, { ...shared, body, scan, pathParameters });
    const parameter = endpoint.read(call);
    if (parameter === undefined) return call;
    const given = scan.members.some(({ key }) => key === parameter);
    const message = given ? {} : { message: `\`${parameter}\` is required.` };
    return { code: "request.invalid_parameter", parameter, ...message };
  };
}

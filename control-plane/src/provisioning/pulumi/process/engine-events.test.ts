import type { EngineEvent, OpType, StepEventMetadata } from "@pulumi/pulumi/automation/index.js";
import { expect, test } from "vitest";
import { takenAway } from "../decide/protected-kinds.ts";
import { createEventReader, resourceOf } from "./engine-events.ts";
import { createRedact } from "./redact.ts";

const URN =
  "urn:pulumi:hg-01::headgate-tenant::headgate:tenant:TenantWalls$kubernetes:core/v1:Namespace::hg-01";
const event = (members: Partial<EngineEvent>): EngineEvent => ({ sequence: 1, timestamp: 1, ...members });
const metadata = (op: OpType, more: Partial<StepEventMetadata> = {}): StepEventMetadata => ({
  op,
  urn: URN,
  type: "kubernetes:core/v1:Namespace",
  provider: "",
  ...more,
});
const reader = () => createEventReader(createRedact(["topsecret-value"]));

test("a URN becomes kind and name", () => {
  expect(resourceOf(URN)).toBe("Namespace/hg-01");
  expect(resourceOf("urn:pulumi:s::p::pulumi:pulumi:Stack::p-s")).toBe("Stack/p-s");
});

test("a step is told when it begins, ends and fails; what only stays is not told", () => {
  const { read } = reader();
  expect(read(event({ resourcePreEvent: { metadata: metadata("create") } }))).toEqual({
    type: "step",
    payload: { op: "create", resource: "Namespace/hg-01", status: "started" },
  });
  expect(read(event({ resOutputsEvent: { metadata: metadata("create") } }))?.payload["status"]).toBe("done");
  expect(
    read(event({ resOpFailedEvent: { metadata: metadata("create"), status: 0, steps: 0 } }))?.payload[
      "status"
    ],
  ).toBe("failed");
  for (const op of ["same", "read", "refresh"] as const)
    expect(read(event({ resourcePreEvent: { metadata: metadata(op) } }))).toBeUndefined();
});

test("of a plan the properties that change are told by their paths, and no value", () => {
  const changed = metadata("update", {
    detailedDiff: { "spec.hard.pods": { diffKind: "update", inputDiff: false } } as never,
    old: { inputs: { pods: "old-value" } } as never,
  });
  const message = reader().read(event({ resourcePreEvent: { metadata: changed, planning: true } }));
  expect(message).toEqual({
    type: "diff",
    payload: { op: "update", resource: "Namespace/hg-01", properties: ["spec.hard.pods"] },
  });
});

test("a diagnostic is plain text without colours and secrets; what is only progress is not told", () => {
  const said = (message: string, more = {}) =>
    reader().read(
      event({ diagnosticEvent: { message, color: "never", severity: "error", urn: URN, ...more } }),
    );
  expect(said("<{%fg 1%}>error: <{%reset%}>\u001b[31mno topsecret-value\u001b[0m\n")?.payload).toEqual({
    severity: "error",
    resource: "Namespace/hg-01",
    message: "error: no [redacted]",
  });
  expect(said("Waiting for pods", { ephemeral: true })).toBeUndefined();
  expect(said("\n")).toBeUndefined();
  expect(JSON.stringify(said("x".repeat(10_000))).length).toBeLessThan(2_500);
});

test("changes are those that the engine counted, or those seen where it did not come to that", () => {
  const cut = reader();
  cut.read(event({ resOutputsEvent: { metadata: metadata("create") } }));
  expect(cut.changes()).toEqual({ create: 1 });
  cut.read(
    event({
      summaryEvent: {
        maybeCorrupt: false,
        durationSeconds: 1,
        resourceChanges: { same: 3 },
        policyPacks: {},
      },
    }),
  );
  expect(cut.changes()).toEqual({ same: 3 });
});

test.each<[OpType, string, boolean]>([
  ["delete", "kubernetes:core/v1:Namespace", true],
  ["replace", "kubernetes:core/v1:Namespace", true],
  ["delete-replaced", "kubernetes:core/v1:PersistentVolumeClaim", true],
  ["create-replacement", "kubernetes:core/v1:PersistentVolumeClaim", true],
  ["update", "kubernetes:core/v1:Namespace", false],
  ["create", "kubernetes:core/v1:PersistentVolumeClaim", false],
  ["delete", "kubernetes:core/v1:ConfigMap", false],
  ["replace", "kubernetes:apps/v1:Deployment", false],
])("a plan to %s a %s takes something away: %s", (op, type, expected) => {
  const { read, steps } = reader();
  read(event({ resourcePreEvent: { metadata: metadata(op, { type }), planning: true } }));
  expect(takenAway(steps)).toEqual(expected ? ["Namespace/hg-01"] : []);
});

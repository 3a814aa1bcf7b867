import { expect, test } from "vitest";
import { changesBetween, detailedDiff, inputsAfterDrift } from "./diff.ts";
import { immutableFields } from "./immutable-fields.ts";

const immutable = immutableFields("apps/v1", "Deployment", { secrets: false, configMaps: false });

test("a change is told at its place, and as a replacement where the field is immutable", () => {
  const before = { metadata: { name: "a" }, spec: { selector: { matchLabels: { app: "a" } }, replicas: 1 } };
  const after = {
    metadata: { name: "a", labels: { x: "y" } },
    spec: { selector: { matchLabels: { app: "b" } } },
  };
  expect(detailedDiff(changesBetween(before, after), immutable)).toEqual({
    "metadata.labels": { diffKind: "add", inputDiff: false },
    "spec.selector.matchLabels.app": { diffKind: "update-replace", inputDiff: false },
    "spec.replicas": { diffKind: "delete", inputDiff: false },
  });
});

test("drift is what moved since the state last saw it, not what the server spells or fills in otherwise", () => {
  const inputs = { spec: { cpu: "1000m", replicas: 1, ports: [{ port: 80 }] } };
  const seen = { spec: { cpu: "1", replicas: 1, ports: [{ port: 80, protocol: "TCP" }], filled: true } };
  expect(inputsAfterDrift(inputs, seen, seen)).toEqual(inputs);
  const live = { spec: { ...seen.spec, replicas: 3, ports: [{ port: 81, protocol: "TCP" }], filled: false } };
  expect(inputsAfterDrift(inputs, seen, live)).toEqual({
    spec: { cpu: "1000m", replicas: 3, ports: [{ port: 81 }] },
  });
  const { replicas: _, ...without } = seen.spec;
  expect(inputsAfterDrift(inputs, seen, { spec: without })).toEqual({
    spec: { cpu: "1000m", ports: [{ port: 80 }] },
  });
});

test("data of a ConfigMap and a Secret replaces, unless the provider says that it may change", () => {
  const fields = (kind: string, mutable: boolean) =>
    immutableFields("v1", kind, { secrets: mutable, configMaps: mutable }).map((path) => path.join("."));
  expect(fields("ConfigMap", false)).toContain("data");
  expect(fields("ConfigMap", true)).not.toContain("data");
  expect(fields("Secret", false)).toContain("data");
  expect(fields("Secret", true)).toContain("type");
  expect(fields("Secret", true)).not.toContain("data");
});

import { expect, test } from "vitest";
import type { Manifest } from "../../manifest.ts";
import { tenantManifests } from "../../tenant/manifests.ts";
import { describeTenant } from "../../tenant/tenant.ts";
import { makeTenantSpec } from "../../testing/make-tenant-spec.ts";
import { readObject } from "./kubernetes-object.ts";
import { checkTenantStack, objectRules, stackRules } from "./tenant-rules.ts";

const stack = tenantManifests(describeTenant(makeTenantSpec()));

test("what we make ourselves is allowed", () => {
  expect(verdict(stack)).toEqual([]);
});

/** Each changes one object of a stack that is allowed, and breaks the rule named. */
const refused: [rule: string, object: string, path: string, value: unknown][] = [
  ["owner-labels", "Service/data-plane", "metadata.labels.headgate~dev/tenant-id", undefined],
  ["owner-labels", "ConfigMap/otel-collector", "metadata.labels.app~kubernetes~io/managed-by", ""],
  ["own-namespace", "Secret/data-plane-join", "metadata.namespace", "kube-system"],
  ["own-namespace", "Secret/data-plane-join", "metadata.namespace", undefined],
  ["own-namespace", "Service/data-plane", "metadata.labels.headgate~dev/tenant-id", `ten_${"0".repeat(26)}`],
  ["own-namespace", "Service/data-plane", "metadata.labels.headgate~dev/agent-id", "agt_x"],
  ["restricted-namespaces", "Namespace", "metadata.labels.pod-security~kubernetes~io/enforce", "baseline"],
  [
    "restricted-namespaces",
    "Namespace",
    "metadata.labels.pod-security~kubernetes~io/enforce-version",
    "latest",
  ],
  ["restricted-namespaces", "Namespace", "metadata.labels.pod-security~kubernetes~io/warn", undefined],
  ["inner-services", "Service/data-plane", "spec.type", "LoadBalancer"],
  ["inner-services", "Service/data-plane", "spec.type", "NodePort"],
  ["inner-services", "Service/data-plane", "spec.externalIPs", ["1.1.1.1"]],
  ["no-rights", "ServiceAccount/data-plane", "apiVersion", "rbac.authorization.k8s.io/v1"],
  ["no-host-access", "Deployment/data-plane", "spec.template.spec.hostNetwork", true],
  ["no-host-access", "Deployment/data-plane", "spec.template.spec.hostPID", true],
  [
    "no-host-access",
    "Deployment/data-plane",
    "spec.template.spec.volumes.0",
    { name: "x", hostPath: { path: "/" } },
  ],
  [
    "no-host-access",
    "Deployment/data-plane",
    "spec.template.spec.containers.0.securityContext.privileged",
    true,
  ],
  ["no-host-access", "Deployment/data-plane", "spec.template.spec.containers.0.ports.0.hostPort", 80],
  [
    "hardened-containers",
    "Deployment/data-plane",
    "spec.template.spec.containers.0.securityContext.capabilities",
    {},
  ],
  [
    "hardened-containers",
    "Deployment/data-plane",
    "spec.template.spec.containers.0.securityContext.runAsUser",
    0,
  ],
  [
    "hardened-containers",
    "Deployment/data-plane",
    "spec.template.spec.securityContext.runAsNonRoot",
    undefined,
  ],
  [
    "hardened-containers",
    "Deployment/data-plane",
    "spec.template.spec.containers.0.securityContext.readOnlyRootFilesystem",
    false,
  ],
  [
    "bounded-containers",
    "Deployment/data-plane",
    "spec.template.spec.containers.0.resources.requests.cpu",
    undefined,
  ],
  [
    "bounded-containers",
    "Deployment/data-plane",
    "spec.template.spec.containers.0.resources.limits",
    undefined,
  ],
  [
    "bounded-containers",
    "Deployment/data-plane",
    "spec.template.spec.containers.0.resources.limits.memory",
    "64Gi",
  ],
  ["bounded-containers", "Deployment/data-plane", "spec.template.spec.initContainers", [{ name: "init" }]],
  ["images-by-digest", "Deployment/otel-collector", "spec.template.spec.containers.0.image", "otel:latest"],
  ["no-api-token", "ServiceAccount/data-plane", "automountServiceAccountToken", undefined],
  ["no-api-token", "Deployment/data-plane", "spec.template.spec.automountServiceAccountToken", true],
  [
    "no-secrets-in-environment",
    "Deployment/data-plane",
    "spec.template.spec.containers.0.env.1",
    { name: "HEADGATE_JOIN_TOKEN", value: "x" },
  ],
  [
    "no-secrets-in-environment",
    "Deployment/data-plane",
    "spec.template.spec.containers.0.env.1",
    { name: "X", value: `hgj_${"A".repeat(40)}` },
  ],
  [
    "no-secrets-in-environment",
    "Deployment/data-plane",
    "spec.template.spec.containers.0.env.1",
    { name: "X", valueFrom: { secretKeyRef: {} } },
  ],
  [
    "no-secrets-in-environment",
    "Deployment/data-plane",
    "spec.template.spec.containers.0.envFrom",
    [{ secretRef: { name: "s" } }],
  ],
  ["closed-network", "NetworkPolicy/deny-all", "spec.ingress", [{}]],
  ["closed-network", "NetworkPolicy/deny-all", "spec.policyTypes", ["Ingress"]],
  ["closed-network", "NetworkPolicy/deny-all", "spec.podSelector", { matchLabels: { a: "b" } }],
  ["quotas", "ResourceQuota/tenant", "spec.hard.pods", undefined],
  ["quotas", "ResourceQuota/tenant", "spec.hard.services~loadbalancers", "1"],
  ["quotas", "ResourceQuota/tenant", "spec.scopes", ["BestEffort"]],
];

test.each(refused)("%s: %s with %s = %j is refused", (rule, object, path, value) => {
  expect(verdict(changed(object, path, value)).map((violation) => violation.rule)).toContain(rule);
});

test("explicit-provider: an object of the default provider is refused", () => {
  const objects = stack.map((manifest) => readObject("urn", { ...manifest }, "default_4_34_2"));
  const violations = checkTenantStack(objects.filter((object) => object !== undefined));
  expect(new Set(violations.map(({ rule }) => rule))).toEqual(new Set(["explicit-provider"]));
});

test.each(["NetworkPolicy/deny-all", "ResourceQuota/tenant"])("a stack without %s is refused", (missing) => {
  expect(verdict(stack.filter((manifest) => !isNamed(manifest, missing)))).toHaveLength(1);
});

test("an Ingress and a stray Pod of other people are refused", () => {
  const labels = stack[0]?.metadata.labels ?? {};
  const metadata = { name: "x", namespace: stack[0]?.metadata.name ?? "", labels };
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata,
    spec: { containers: [{ name: "c", image: "busybox" }] },
  };
  const ingress = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata };
  expect(new Set(verdict([...stack, pod, ingress]).map(({ rule }) => rule))).toEqual(
    new Set([
      "inner-services",
      "hardened-containers",
      "bounded-containers",
      "images-by-digest",
      "no-api-token",
    ]),
  );
});

test("every rule is broken by an example above", () => {
  const broken = new Set([...refused.map(([rule]) => rule), "explicit-provider"]);
  expect(new Set([...objectRules, ...stackRules].map(({ name }) => name))).toEqual(broken);
});

test("what is no Kubernetes object is none of the rules' business", () => {
  for (const props of [{}, { kind: "Pod" }, { apiVersion: "v1", kind: "Pod", metadata: "x" }])
    expect(readObject("urn", props)).toBeUndefined();
});

function verdict(manifests: readonly Manifest[]) {
  const objects = manifests.map((manifest) => readObject("urn", { ...manifest }));
  return checkTenantStack(objects.filter((object) => object !== undefined));
}

const isNamed = ({ kind, metadata }: Manifest, name: string) =>
  name === kind || name === `${kind}/${metadata.name}`;

/** A copy of the stack in which one value of one object is another. In names within the path, `~` is a dot. */
function changed(object: string, path: string, value: unknown): Manifest[] {
  const copy = structuredClone(stack);
  const target = copy.find((manifest) => isNamed(manifest, object));
  if (target === undefined) throw new Error(`no ${object}`);
  const keys = path.split(".").map((key) => key.replaceAll("~", "."));
  const last = keys.pop() ?? "";
  const holder = keys.reduce<object>((found, key) => Reflect.get(found, key) as object, target);
  if (value === undefined) Reflect.deleteProperty(holder, last);
  else Reflect.set(holder, last, value);
  return copy;
}

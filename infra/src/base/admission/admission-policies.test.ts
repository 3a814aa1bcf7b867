import fc from "fast-check";
import { expect, test } from "vitest";
import { LABELS } from "../../names.ts";
import { makeTenantSpec } from "../../testing/make-tenant-spec.ts";
import { makeBareBaseConfig, makeBaseConfig } from "../testing/make-base-config.ts";
import { makeTenantManifests } from "../testing/tenant-objects.ts";
import { admissionPolicies, admissionPolicyManifests } from "./admission-policies.ts";
import { isTrusted, literal } from "./cel.ts";

const policies = admissionPolicies(makeBaseConfig());
const byName = new Map(policies.map((policy) => [policy.name, policy]));

test("every policy fails closed, denies, and says in words what is wrong", () => {
  const manifests = admissionPolicyManifests(makeBaseConfig());
  expect(manifests).toHaveLength(2 * policies.length);
  for (const { kind, spec } of manifests as unknown as { kind: string; spec: Record<string, unknown> }[]) {
    if (kind === "ValidatingAdmissionPolicyBinding") {
      expect(spec["validationActions"]).toEqual(["Deny"]);
      continue;
    }
    expect(spec["failurePolicy"]).toBe("Fail");
    for (const { message, reason } of spec["validations"] as { message: string; reason: string }[]) {
      expect(message).toMatch(/^\S.*\.$/);
      expect(reason).toBe("Forbidden");
    }
  }
});

test("what holds for tenants holds in every namespace with a tenant's label, and in no other", () => {
  for (const { kind, metadata, spec } of admissionPolicyManifests(makeBaseConfig()) as unknown as Binding[]) {
    if (kind !== "ValidatingAdmissionPolicyBinding") continue;
    expect(spec.policyName).toBe(metadata.name);
    expect(spec.matchResources).toEqual(
      byName.get(metadata.name)?.scope === "cluster"
        ? undefined
        : { namespaceSelector: { matchExpressions: [{ key: LABELS.tenantId, operator: "Exists" }] } },
    );
  }
});

test("a namespace is judged by what it was as well, so that taking the label off is judged", () => {
  const policy = byName.get("headgate-tenant-namespaces");
  expect(policy?.scope).toBe("cluster");
  expect(policy?.conditions?.[0]?.expression).toContain("oldObject");
});

test("everything that a tenant's objects may be is judged where it is made and where it is changed", () => {
  const judged = new Map(
    policies.flatMap(({ resources, scope }) =>
      scope === "cluster"
        ? []
        : resources.flatMap(({ kinds, operations }) => kinds.map((kind) => [kind, operations])),
    ),
  );
  for (const kind of [
    "pods",
    "deployments",
    "jobs",
    "cronjobs",
    "services",
    "rolebindings",
    "serviceaccounts",
    "secrets",
    "httproutes",
  ])
    expect(judged.get(kind), kind).toEqual(["CREATE", "UPDATE"]);
  for (const kind of ["networkpolicies", "resourcequotas", "limitranges"])
    expect(judged.get(kind), kind).toEqual(["CREATE", "UPDATE", "DELETE"]);
  expect(judged.get("pods/ephemeralcontainers")).toEqual(["UPDATE"]);
});

test("a tenant's namespace carries the name that its route's host name is judged by", () => {
  const { domain } = makeTenantSpec().cluster;
  const [namespace, route] = ["Namespace", "HTTPRoute"].map((kind) =>
    makeTenantManifests("team").find((manifest) => manifest.kind === kind),
  ) as unknown as [{ metadata: { labels: Record<string, string> } }, { spec: { hostnames: string[] } }];
  const name = namespace.metadata.labels[LABELS.tenantName];
  expect(route.spec.hostnames).toEqual([`${name}.${domain}`]);
  expect(byName.get("headgate-tenant-routes")?.rules.map(({ expression }) => expression)).toContainEqual(
    expect.stringContaining(`"${LABELS.tenantName}"].orValue("") + ".${domain}"`),
  );
});

test("without a Gateway there are no routes to judge; without a storage class there are no volumes", () => {
  const bare = admissionPolicies(makeBareBaseConfig());
  expect(bare.map(({ name }) => name)).not.toContain("headgate-tenant-routes");
  expect(bare.find(({ name }) => name === "headgate-tenant-volumes")?.rules[0]?.expression).toBe("false");
});

test("whatever the configuration names stays a text within an expression", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const written = literal(text);
      expect(written).toMatch(/^"(?:[^"\\\n]|\\.)*"$/s);
      expect(JSON.parse(written)).toBe(text);
    }),
  );
  const provisioners = ['x" || true || "'];
  const trusted = isTrusted({ registries: [], provisioners, administrators: { users: [], groups: [] } });
  expect(trusted).toBe('request.userInfo.username in ["x\\" || true || \\""]');
});

test("only those on call are trusted besides the provisioner, and nobody where there are none", () => {
  const { admission } = makeBaseConfig();
  expect(isTrusted(admission)).toContain("headgate:on-call");
  expect(isTrusted({ ...admission, administrators: { users: ["ann"], groups: [] } })).toBe(
    'request.userInfo.username in ["system:serviceaccount:headgate-system:worker", "ann"]',
  );
});

interface Binding {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly policyName: string; readonly matchResources?: unknown };
}

import { agentNamespace, createIdFactory, tenantNamespace } from "@headgate/sdk/contract";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { PLAN_NAMES } from "../plans.ts";
import { checkTenantStack, readObject } from "../policies/tenant/index.ts";
import { networkPolicies } from "../tenant/objects/network-policies.ts";
import { describeTenant } from "../tenant/tenant.ts";
import { makeClusterSettings, makeTenantSpec } from "../testing/make-tenant-spec.ts";
import { runProgram } from "../testing/run-program.ts";
import { agentNamespaceProgram } from "./agent-namespace-program.ts";
import type { AgentNamespaceSpec } from "./agent-namespace-spec.ts";
import { agentTokenVolume } from "./agent-token-volume.ts";
import { agentNamespaceManifests } from "./manifests.ts";

const id = createIdFactory({ now: () => 1_800_000_000_000, random: (bytes) => bytes.fill(9) });
const { tenantId } = makeTenantSpec();
const makeSpec = (changes: Partial<AgentNamespaceSpec> = {}): AgentNamespaceSpec => ({
  agentId: id("agent"),
  tenantId,
  plan: "team",
  cluster: makeClusterSettings(),
  ...changes,
});
const manifestsOf = (spec: AgentNamespaceSpec) => Object.values(agentNamespaceManifests(spec)).flat();

test("as YAML", async () => {
  const text = manifestsOf(makeSpec()).map((manifest) => stringify(manifest, { lineWidth: 0 }));
  await expect(text.join("---\n")).toMatchFileSnapshot("__snapshots__/agent-namespace.yaml");
});

test.each(PLAN_NAMES)("%s: our own policies have nothing against it", (plan) => {
  const objects = manifestsOf(makeSpec({ plan })).map((manifest) => readObject("urn", { ...manifest }));
  expect(checkTenantStack(objects.filter((object) => object !== undefined))).toEqual([]);
});

test("the only ways out are names and the gateway of its own tenant", () => {
  const [denyAll, dns, gateway, ...more] = agentNamespaceManifests(makeSpec()).policies;
  expect(denyAll?.spec).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  expect(dns?.metadata.name).toBe("allow-dns");
  expect(gateway?.spec).toEqual({
    podSelector: {},
    policyTypes: ["Egress"],
    egress: [
      {
        to: [
          {
            namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": tenantNamespace(tenantId) } },
            podSelector: { matchLabels: { "app.kubernetes.io/name": "data-plane" } },
          },
        ],
        ports: [{ protocol: "TCP", port: 8_800 }],
      },
    ],
  });
  expect(more).toEqual([]);
});

test("the tenant's gateway lets it in by its labels, and not the agents of another tenant", () => {
  const policies = networkPolicies(describeTenant(makeTenantSpec()));
  const ingress = JSON.parse(
    JSON.stringify(policies.find(({ metadata }) => metadata.name === "data-plane-ingress")?.spec),
  );
  const wanted = Object.entries<string>(ingress.ingress[0].from[1].namespaceSelector.matchLabels);
  const admits = (spec: AgentNamespaceSpec) => {
    const labels: Record<string, string> = agentNamespaceManifests(spec).namespace.metadata.labels;
    return wanted.every(([label, value]) => labels[label] === value);
  };
  expect(admits(makeSpec())).toBe(true);
  expect(admits(makeSpec({ tenantId: `ten_${"0".repeat(26)}` }))).toBe(false);
});

test("the program makes all of it through its own provider, the account last", async () => {
  const spec = makeSpec();
  const stack = { project: "headgate-agent", stack: agentNamespace(spec.agentId) };
  const { outputs, resources } = await runProgram(stack, agentNamespaceProgram(spec, { kubeconfig: "k" }));
  const objects = resources.filter(({ type }) => type.startsWith("kubernetes:"));
  expect(objects).toHaveLength(manifestsOf(spec).length);
  for (const { provider } of objects) expect(provider).toMatch(/::cluster::/);
  const account = objects.find(({ type }) => type.endsWith(":ServiceAccount"));
  expect(account?.dependsOn).toHaveLength(objects.length - 1);
  expect(outputs).toMatchObject({
    schema: "headgate.agent-namespace/1",
    namespace: agentNamespace(spec.agentId),
    gatewayUrl: `http://data-plane.${tenantNamespace(tenantId)}.svc:8800`,
    serviceAccount: "agent",
  });
});

test("an agent shows who it is by a token for us alone", () => {
  expect(agentTokenVolume("token").projected.sources).toEqual([
    { serviceAccountToken: { audience: "headgate:agent", expirationSeconds: 3_600, path: "token" } },
  ]);
});

/**
 * What the API server refuses in the namespaces of tenants and agents, in its own words: Pod Security, quota, the role of
 * the provisioner, and each of the base program's admission policies. The policies are installed under other names and
 * for the namespaces of this file alone, so nothing else on the cluster is touched. It is one long file because every
 * refusal needs all of that, and an API server takes its time to put it in force.
 */
import {
  admissionPolicyManifests,
  type BaseConfig,
  baseConfig,
  priorityClasses,
  provisionerRole,
} from "@headgate/infra/base";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../harness/until.ts";
import { injectedCluster } from "../node/injected.ts";

const { kubectl } = injectedCluster();

const UNIQUE = "01hgate0adm1ss10n000000000";
const [TENANT, AGENT, PLAIN] = [`hg-${UNIQUE}`, `hga-${UNIQUE}`, "headgate-test-admission"];
const OTHER_TENANT = `ten_${UNIQUE.slice(0, -1)}2`;
const PROVISIONER = "headgate-test:provisioner";
/** What they are to the policies is the first group's doing, what they may at all is the second's. */
const ON_CALL = [
  "--as=headgate-test:somebody",
  "--as-group=headgate-test:on-call",
  "--as-group=system:masters",
];
const THIS_TEST = { "headgate.dev/test": "admission" };
const IMAGE = `registry.example/headgate/data-plane@sha256:${"a".repeat(64)}`;
const DRY = "--dry-run=server";

const config: BaseConfig = baseConfig.parse({
  region: "test",
  domain: "test.headgate.example",
  kubernetesVersion: "1.36",
  controlPlane: { url: "http://10.244.0.1:8080", cidrs: ["10.244.0.1/32"], port: 8_080 },
  apiServer: { cidrs: ["10.244.0.1/32"] },
  podCidr: "10.244.0.0/24",
  serviceCidr: "10.96.0.0/16",
  nodeCidrs: [],
  dns: { namespace: "kube-system", podLabels: { "k8s-app": "kube-dns" }, cidrs: [] },
  gateway: {
    className: "any",
    controllerNamespace: "any",
    certificateSecret: "any",
    apiHostname: "api.test.headgate.example",
  },
  admission: {
    registries: ["registry.example/headgate"],
    provisioners: [PROVISIONER],
    administrators: { users: [], groups: ["headgate-test:on-call"] },
  },
  monitoring: { namespace: "headgate-monitoring", podMonitors: false, rules: false },
  metrics: { openStreams: false },
  storage: { persistentClass: "shared" },
  collector: null,
  valkey: null,
  tenantEgressCidrs: [],
  runtimeClass: null,
  userNamespaces: false,
});

const installed = [...admissionPolicyManifests(config), ...provisionerRole(config)].map(forThisTest);
const classes: object[] = [];

beforeAll(async () => {
  for (const manifest of priorityClasses(config)) {
    const there = await kubectl(["get", "priorityclass", manifest.metadata.name]).catch(() => "");
    if (there === "") classes.push(manifest);
  }
  await kubectl(["apply", "--server-side", "-f", "-"], [...classes, ...installed]);
  const plain = { apiVersion: "v1", kind: "Namespace", metadata: { name: PLAIN, labels: THIS_TEST } };
  await kubectl(["create", "-f", "-"], plain);
  await kubectl(["create", "-f", "-", `--as=${PROVISIONER}`], [namespace(TENANT), namespace(AGENT)]);
  await kubectl(["create", "-f", "-", `--as=${PROVISIONER}`], [quota(), denyAll()]);
  await until({ what: "the quota is counted", seconds: 30 }, async () =>
    (await inTenant(["get", "resourcequota", "tenant", "-o", "jsonpath={.status.used}"])).includes("jobs"),
  );
});

afterAll(async () => {
  const end = ["--ignore-not-found", "--wait=true", "--timeout=120s"];
  await asOnCall(["delete", "namespace", TENANT, AGENT, PLAIN, ...end]);
  await kubectl(["delete", "-f", "-", ...end], [...classes, ...installed]);
});

test("every expression of every policy type-checks against the API server's own schemas", async () => {
  const names = installed.flatMap(({ kind, metadata }) =>
    kind === "ValidatingAdmissionPolicy" ? [metadata.name] : [],
  );
  await until({ what: "the policies are type-checked", seconds: 30 }, async () => {
    const { items } = JSON.parse(
      await kubectl(["get", "validatingadmissionpolicy", ...names, "-o", "json"]),
    ) as { items: { status?: { typeChecking?: { expressionWarnings?: unknown[] } } }[] };
    if (!items.every(({ status }) => status?.typeChecking !== undefined)) return false;
    expect(items.flatMap(({ status }) => status?.typeChecking?.expressionWarnings ?? [])).toEqual([]);
    return true;
  });
});

describe("before any policy of ours", () => {
  test("a pod that breaks the restricted Pod Security Standard is refused, by the pinned version of it", () =>
    refused(
      ["-n", TENANT],
      pod({}, { securityContext: { privileged: true } }),
      /violates PodSecurity "restricted:v1\.36"/,
    ));

  test("what goes beyond the quota is refused", () =>
    refused(["-n", TENANT], job(), /exceeded quota: tenant, requested: count\/jobs\.batch=1/));
});

describe("namespaces", () => {
  test.each([
    [
      "a namespace of a tenant made by anybody else",
      [],
      namespace(`hg-${UNIQUE.slice(0, -1)}1`),
      /Only the provisioner makes/,
    ],
    ["a name that is no id", [`--as=${PROVISIONER}`], namespace("hg-acme"), /must be made of the id/],
    [
      "the label of a tenant on a namespace named for another",
      [`--as=${PROVISIONER}`],
      namespace(`hg-${UNIQUE.slice(0, -1)}1`, { "headgate.dev/tenant-id": OTHER_TENANT }),
      /must be made of the id/,
    ],
    [
      "an agent's namespace that calls itself a data plane's",
      [`--as=${PROVISIONER}`],
      namespace(`hga-${UNIQUE.slice(0, -1)}1`, { "headgate.dev/role": "data-plane" }),
      /must be made of the id/,
    ],
    [
      "a weaker Pod Security Standard",
      [`--as=${PROVISIONER}`],
      namespace(`hg-${UNIQUE.slice(0, -1)}1`, { "pod-security.kubernetes.io/enforce": "baseline" }),
      /must enforce the restricted Pod Security Standard, pinned to v1\.36/,
    ],
    [
      "a Pod Security Standard that is not pinned",
      [`--as=${PROVISIONER}`],
      namespace(`hg-${UNIQUE.slice(0, -1)}1`, { "pod-security.kubernetes.io/enforce-version": "latest" }),
      /pinned to v1\.36/,
    ],
    [
      "a plan that there is not",
      [`--as=${PROVISIONER}`],
      namespace(`hg-${UNIQUE.slice(0, -1)}1`, { "headgate.dev/plan": "free" }),
      /must name its tenant's plan/,
    ],
    [
      "a data plane's namespace with a tenant's name that could be no host's",
      [`--as=${PROVISIONER}`],
      namespace(`hg-${UNIQUE.slice(0, -1)}1`, { "headgate.dev/tenant-name": "acme.globex" }),
      /must carry its tenant's name/,
    ],
    [
      "an agent's namespace with a tenant's name",
      [`--as=${PROVISIONER}`],
      namespace(`hga-${UNIQUE.slice(0, -1)}1`, { "headgate.dev/tenant-name": "acme" }),
      /must carry its tenant's name, and no other may/,
    ],
  ])("%s is refused", (_, as, object, message) => refused(as, object, message));

  test.each([
    ["takes a tenant's label off", [], TENANT, "headgate.dev/tenant-id-", /Only the provisioner/],
    ["changes a tenant's plan", [], TENANT, "headgate.dev/plan=enterprise", /Only the provisioner/],
    ["changes a tenant's name", [], TENANT, "headgate.dev/tenant-name=globex", /Only the provisioner/],
    [
      "turns Pod Security down",
      [],
      TENANT,
      "pod-security.kubernetes.io/enforce=privileged",
      /Only the provisioner/,
    ],
    [
      "labels a namespace as a tenant's",
      [],
      PLAIN,
      `headgate.dev/tenant-id=${OTHER_TENANT}`,
      /Only the provisioner/,
    ],
    [
      "gives an agent to another tenant, although it is the provisioner,",
      [`--as=${PROVISIONER}`],
      AGENT,
      `headgate.dev/tenant-id=${OTHER_TENANT}`,
      /never passes from its tenant to another/,
    ],
  ])("whoever %s is refused", async (_, as, name, label, message) => {
    await refusal(["label", "namespace", name, label, "--overwrite", DRY, ...as], message);
  });

  test("nobody else deletes a tenant's namespace", () =>
    refusal(["delete", "namespace", TENANT, DRY], /Only the provisioner/));

  test("the provisioner may rename a tenant, and its host name follows", () =>
    kubectl([
      ...["label", "namespace", TENANT, "headgate.dev/tenant-name=acme-renamed", "--overwrite"],
      ...[DRY, `--as=${PROVISIONER}`],
    ]));

  test("anybody with the right to may annotate one, and those on call may do what the provisioner may", async () => {
    await kubectl(["annotate", "namespace", TENANT, "example.com/note=1", DRY]);
    await asOnCall(["label", "namespace", TENANT, "headgate.dev/plan=enterprise", "--overwrite", DRY]);
  });
});

describe("the provisioner", () => {
  const as = `--as=${PROVISIONER}`;

  test.each([
    [
      "makes a namespace that is no tenant's",
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "headgate-system-2" } },
      /namespaces of tenants and agents only/,
    ],
    [
      "writes into another namespace",
      { ...configMap(), metadata: { name: "x", namespace: PLAIN } },
      /works inside the namespaces of tenants and agents only/,
    ],
    [
      "writes a Secret into kube-system",
      { ...secret(), metadata: { name: "x", namespace: "kube-system" } },
      /works inside the namespaces/,
    ],
  ])("is refused when it %s", (_, object, message) => refused([as], object, message));

  test("is refused when it deletes a namespace that is no tenant's", () =>
    refusal(["delete", "namespace", PLAIN, DRY, as], /namespaces of tenants and agents only/));

  test.each([
    ["list", "secrets"],
    ["get", "secrets/headgate"],
    ["create", "roles.rbac.authorization.k8s.io"],
    ["create", "rolebindings.rbac.authorization.k8s.io"],
    ["bind", "clusterroles.rbac.authorization.k8s.io"],
    ["escalate", "clusterroles.rbac.authorization.k8s.io"],
    ["impersonate", "users"],
    ["create", "pods"],
    ["create", "serviceaccounts", "--subresource=token"],
    ["create", "pods", "--subresource=exec"],
    ["delete", "nodes"],
    ["update", "validatingadmissionpolicies.admissionregistration.k8s.io"],
  ])("has no right to %s %s %s", async (verb, resource, ...more) => {
    await expect(kubectl(["auth", "can-i", verb, resource, ...more, "-A", as])).rejects.toThrow(/\bno\b/);
  });

  test.each(["deployments.apps", "networkpolicies.networking.k8s.io", "secrets", "resourcequotas"])(
    "may make %s",
    async (resource) => {
      expect(await kubectl(["auth", "can-i", "create", resource, "-A", as])).toContain("yes");
    },
  );
});

describe("pods", () => {
  test("a pod that keeps to them all is admitted, and so is a Deployment of such pods", async () => {
    await kubectl(["create", "-n", TENANT, DRY, "-f", "-"], [pod(), deployment()]);
    await kubectl(["create", "-n", AGENT, DRY, "-f", "-"], pod());
  });

  const token = (audience?: string) => ({
    volumes: [
      {
        name: "t",
        projected: {
          sources: [{ serviceAccountToken: { path: "t", ...(audience === undefined ? {} : { audience }) } }],
        },
      },
    ],
  });
  test.each([
    [
      "an image by its tag",
      {},
      { image: "registry.example/headgate/data-plane:1" },
      /by digest and come from an allowed registry: registry\.example\/headgate\/data-plane:1/,
    ],
    [
      "an image of another registry",
      {},
      { image: IMAGE.replace("registry.example", "elsewhere.example") },
      /allowed registry: elsewhere\.example/,
    ],
    [
      "a registry whose name only begins like ours",
      {},
      { image: IMAGE.replace("/headgate/", "/headgate-evil/") },
      /allowed registry/,
    ],
    [
      "a higher plan's priority",
      { priorityClassName: "headgate-enterprise" },
      {},
      /priority class must be that of the tenant's plan/,
    ],
    [
      "the platform's priority",
      { priorityClassName: "system-cluster-critical" },
      {},
      /priority class must be that/,
    ],
    ["no priority class", { priorityClassName: undefined }, {}, /priority class must be that/],
    [
      "a token for the API server",
      { automountServiceAccountToken: true },
      {},
      /must not mount a token for the API server/,
    ],
    ["nothing said about a token", { automountServiceAccountToken: undefined }, {}, /must not mount a token/],
    ["a projected token for the API server", token(), {}, /Tokens of pods must be meant for/],
    [
      "a projected token for somebody else",
      token("https://elsewhere.example"),
      {},
      /Tokens of pods must be meant for/,
    ],
  ])("a pod with %s is refused, and so is a Deployment of it", async (_, spec, container, message) => {
    await refused(["-n", TENANT], pod(spec, container), message);
    await refused(["-n", TENANT], deployment(spec, container), message);
    await refused(["-n", AGENT], pod(spec, container), message);
  });

  test("a Deployment that mounts its host is refused, although only its pods would break Pod Security", () =>
    refused(
      ["-n", TENANT],
      deployment({ volumes: [{ name: "host", hostPath: { path: "/" } }] }),
      /must not mount paths of their host/,
    ));

  test("a runtime class is refused where there is none for tenants", () =>
    refused(["-n", TENANT], deployment({ runtimeClassName: "privileged" }), /must not name a runtime class/));

  test("an init container is judged like the others", () =>
    refused(
      ["-n", TENANT],
      deployment({ initContainers: [{ ...container(), name: "init", image: "busybox:1" }] }),
      /allowed registry: busybox:1/,
    ));

  test("a Job and a CronJob are judged by the pods that they would make", async () => {
    await refused(["-n", AGENT], job({}, { image: "busybox:1" }), /allowed registry: busybox:1/);
    await refused(["-n", AGENT], cronJob({ image: "busybox:1" }), /allowed registry: busybox:1/);
  });

  test("a container that is put into a running pod is judged too", async () => {
    const nowhere = pod({ nodeSelector: { "headgate.dev/test": "no-such-node" } });
    await kubectl(["create", "-n", AGENT, "-f", "-"], nowhere);
    await refusal(
      ["debug", "-n", AGENT, "pod/probe", "--image=busybox:1", "--profile=restricted"],
      /allowed registry: busybox:1/,
    );
  });
});

describe("what else a tenant's namespace holds", () => {
  const service = (spec: object) => ({ apiVersion: "v1", kind: "Service", metadata: { name: "x" }, spec });
  const ports = [{ port: 80 }];
  const binding = (roleRef: object, subject: object) => ({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: "x" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", ...roleRef },
    subjects: [subject],
  });
  const own = { kind: "ServiceAccount", name: "data-plane", namespace: TENANT };
  const claim = (storageClassName: string) => ({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "x" },
    spec: { accessModes: ["ReadWriteOnce"], storageClassName, resources: { requests: { storage: "1Gi" } } },
  });
  const account = (more: object) => ({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "x" },
    ...more,
  });

  test.each([
    [
      "a Service of type LoadBalancer",
      service({ type: "LoadBalancer", ports }),
      /must be of type ClusterIP, not LoadBalancer/,
    ],
    [
      "a Service of type NodePort",
      service({ type: "NodePort", ports }),
      /must be of type ClusterIP, not NodePort/,
    ],
    [
      "a Service that is another name",
      service({ type: "ExternalName", externalName: "x.example" }),
      /must be of type ClusterIP, not ExternalName/,
    ],
    [
      "a Service on addresses of its choice",
      service({ ports, externalIPs: ["1.2.3.4"] }),
      /must not claim external addresses/,
    ],
    [
      "a binding of cluster-admin",
      binding({ kind: "ClusterRole", name: "cluster-admin" }, own),
      /Roles of the cluster are not bound/,
    ],
    [
      "a binding to a ServiceAccount of another namespace",
      binding({ kind: "Role", name: "r" }, { ...own, namespace: PLAIN }),
      /ServiceAccounts of the same namespace only/,
    ],
    [
      "a binding to a group",
      binding(
        { kind: "Role", name: "r" },
        { kind: "Group", apiGroup: "rbac.authorization.k8s.io", name: "system:authenticated" },
      ),
      /ServiceAccounts of the same namespace only/,
    ],
    ["a ServiceAccount that mounts tokens", account({}), /must not mount tokens by itself/],
    [
      "a token without an end",
      {
        ...secret(),
        type: "kubernetes.io/service-account-token",
        metadata: { name: "x", annotations: { "kubernetes.io/service-account.name": "default" } },
      },
      /Tokens without an end are not made/,
    ],
    ["a volume of another storage class", claim("fast-and-dear"), /must be of the storage class shared/],
  ])("%s is refused", (_, object, message) => refused(["-n", TENANT], object, message));

  test("what keeps to the rules is admitted", () =>
    kubectl(
      ["create", "-n", TENANT, DRY, "-f", "-"],
      [
        service({ ports }),
        binding({ kind: "Role", name: "r" }, own),
        account({ automountServiceAccountToken: false }),
        claim("shared"),
        secret(),
      ],
    ));
});

describe("routes", () => {
  const gateway = { namespace: "headgate-gateway", name: "headgate" };
  const route = (spec: object) => ({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: "data-plane" },
    spec: { parentRefs: [gateway], hostnames: ["acme.test.headgate.example"], ...spec },
  });

  test("a tenant's own host name is admitted", () =>
    kubectl(["create", "-n", TENANT, DRY, "-f", "-"], route({})));

  test.each([
    [
      "another tenant's host name",
      TENANT,
      { hostnames: ["globex.test.headgate.example"] },
      /host name of its own tenant and no other: acme\.test\.headgate\.example/,
    ],
    [
      "another one besides its own",
      TENANT,
      { hostnames: ["acme.test.headgate.example", "globex.test.headgate.example"] },
      /host name of its own tenant/,
    ],
    [
      "every host name of the region",
      TENANT,
      { hostnames: ["*.test.headgate.example"] },
      /host name of its own tenant/,
    ],
    ["no host name, which is every one", TENANT, { hostnames: undefined }, /host name of its own tenant/],
    [
      "another Gateway",
      TENANT,
      { parentRefs: [{ namespace: PLAIN, name: "headgate" }] },
      /must hang on the Gateway headgate-gateway\/headgate/,
    ],
    [
      "a Service of another namespace behind it",
      TENANT,
      { rules: [{ backendRefs: [{ namespace: PLAIN, name: "x", port: 80 }] }] },
      /must lead to Services of its own namespace/,
    ],
    ["its tenant's host name in an agent's namespace", AGENT, {}, /Agents have no routes/],
  ])("a route with %s is refused", (_, where, spec, message) => refused(["-n", where], route(spec), message));
});

describe("walls", () => {
  test.each([
    ["network policy", ["delete", "networkpolicy", "deny-all"]],
    ["quota", ["delete", "resourcequota", "tenant"]],
  ])("nobody else deletes a %s, and those on call do", async (_, args) => {
    await refusal([...args, "-n", TENANT, DRY], /Only the provisioner changes the network policies, quotas/);
    await asOnCall([...args, "-n", TENANT, DRY]);
    await kubectl([...args, "-n", TENANT, DRY, `--as=${PROVISIONER}`]);
  });

  test("nobody else adds a network policy, for each adds a way", () =>
    refused(
      ["-n", TENANT],
      { ...denyAll(), metadata: { name: "open" }, spec: { podSelector: {}, ingress: [{}] } },
      /Only the provisioner changes the network policies/,
    ));

  test("nobody else raises a quota", () =>
    refusal(
      [
        "patch",
        "resourcequota",
        "tenant",
        "-n",
        TENANT,
        DRY,
        "--type=merge",
        "-p",
        '{"spec":{"hard":{"pods":"99"}}}',
      ],
      /Only the provisioner/,
    ));

  test("they go with their namespace", async () => {
    await kubectl(["delete", "namespace", TENANT, `--as=${PROVISIONER}`, "--wait=true", "--timeout=120s"]);
    expect(await kubectl(["get", "namespace", TENANT, "--ignore-not-found"])).toBe("");
  });
});

/** Under a name of its own, and where it would hold everywhere, for the namespaces of this file alone. */
function forThisTest(manifest: ReturnType<typeof admissionPolicyManifests>[number]) {
  const { kind, metadata } = manifest;
  const own = (name: string) => name.replace(/^headgate-/, "headgate-test-admission-");
  const named = { ...manifest, metadata: { ...metadata, name: own(metadata.name) } };
  if (kind === "ValidatingAdmissionPolicyBinding") {
    const spec = manifest["spec"] as { policyName: string };
    // That one holds for one user alone, wherever he works.
    const everywhere = spec.policyName === "headgate-provisioner";
    const narrow = everywhere ? {} : { matchResources: { namespaceSelector: { matchLabels: THIS_TEST } } };
    return { ...named, spec: { ...spec, policyName: own(spec.policyName), ...narrow } };
  }
  if (kind !== "ClusterRoleBinding") return named;
  const roleRef = manifest["roleRef"] as { name: string };
  return { ...named, roleRef: { ...roleRef, name: own(roleRef.name) } };
}

function inTenant(args: readonly string[]) {
  return kubectl([...args, "-n", TENANT]);
}

function asOnCall(args: readonly string[]) {
  return kubectl([...args, ...ON_CALL]);
}

async function refused(where: readonly string[], object: unknown, message: RegExp) {
  await refusal(["create", DRY, "-f", "-", ...where], message, object);
}

/** A policy holds from a moment after it was made, so a request that passes at first is made again. */
async function refusal(args: readonly string[], message: RegExp, input?: unknown) {
  const answer = await until({ what: `refused: ${args.join(" ")}`, seconds: 10 }, () =>
    kubectl(args, input).then(
      () => null,
      (error: Error) => error.message,
    ),
  );
  expect(answer).toMatch(message);
}

function namespace(name: string, labels: Record<string, string> = {}) {
  const agent = name.startsWith("hga-");
  const unique = name.slice(name.indexOf("-") + 1);
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name,
      labels: {
        ...THIS_TEST,
        "headgate.dev/tenant-id": `ten_${agent ? UNIQUE : unique}`,
        ...(agent ? { "headgate.dev/agent-id": `agt_${unique}` } : { "headgate.dev/tenant-name": "acme" }),
        "headgate.dev/role": agent ? "agent" : "data-plane",
        "headgate.dev/plan": "team",
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": "v1.36",
        ...labels,
      },
    },
  };
}

function quota() {
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "tenant", namespace: TENANT },
    spec: { hard: { pods: "4", "count/jobs.batch": "0" } },
  };
}

function denyAll() {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "deny-all", namespace: TENANT },
    spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
  };
}

function container(changes: object = {}) {
  return {
    name: "probe",
    image: IMAGE,
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
    ...changes,
  };
}

function podSpec(spec: object = {}, changes: object = {}) {
  return {
    automountServiceAccountToken: false,
    priorityClassName: "headgate-team",
    securityContext: { runAsNonRoot: true, runAsUser: 10_001, seccompProfile: { type: "RuntimeDefault" } },
    ...spec,
    containers: [container(changes)],
  };
}

function pod(spec: object = {}, changes: object = {}) {
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "probe" }, spec: podSpec(spec, changes) };
}

function deployment(spec: object = {}, changes: object = {}) {
  const labels = { app: "probe" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "probe" },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec(spec, changes) },
    },
  };
}

function job(spec: object = {}, changes: object = {}) {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "probe" },
    spec: { template: { spec: podSpec({ restartPolicy: "Never", ...spec }, changes) } },
  };
}

function cronJob(changes: object) {
  return {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name: "probe" },
    spec: { schedule: "0 0 1 1 *", jobTemplate: { spec: job({}, changes).spec } },
  };
}

function configMap() {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" } };
}

function secret() {
  return { apiVersion: "v1", kind: "Secret", type: "Opaque", metadata: { name: "x" } };
}

/**
 * Two tenants, one of them with an agent that runs with us, on a node where all that they may or may not reach answers,
 * each at a place of its own.
 */
import { createServer } from "node:net";
import { planNumbers, priorityClass } from "@headgate/infra";
import { AGENT_ACCOUNT, agentNamespaceManifests } from "@headgate/infra/agent-namespace";
import { type ClusterSettings, clusterSettings } from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { fetch } from "undici";
import { startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { until } from "../../harness/until.ts";
import { NETWORK } from "../node/addresses.ts";
import type { ClusterNode } from "../node/cluster-node.ts";
import { run } from "../parts/run.ts";
import { type ClusterPlatform, startClusterPlatform } from "../world/cluster-platform.ts";
import { REGION } from "../world/cluster-settings.ts";
import { createTenant } from "../world/cluster-tenant.ts";
import { dataPlanePods, onlyReadyPods } from "../world/pods.ts";
import type { PodPlace, Target } from "./probe.ts";
import { LOOKALIKE_PORT, PROBE_PORT, PROBE_UDP_PORT, probePod } from "./probe-pod.ts";

export type WalledTenant = Awaited<ReturnType<typeof createTenant>>;
export type WalledTenants = Awaited<ReturnType<typeof startWalledTenants>>;

/** Addresses that this host has for a while, so that not all it answers for is one and the same to a policy. */
const PROVIDER = "10.244.1.1";
/** Of a network for documentation, which stands for the internet. */
const INTERNET = "203.0.113.30";

/** Of namespaces. The platform's own have other names, so that nothing of it is in the way. */
const HOMES = {
  gateway: "headgate-test-gateway",
  monitoring: "headgate-test-monitoring",
  other: "headgate-test-other",
};

/** Whoever calls it ends it by disposing `world`, even when this rejects. */
export async function startWalledTenants(cluster: ClusterNode, world: AsyncDisposableStack) {
  const { platform, settings } = await startPlatform(cluster, world);
  const [acme, globex] = await Promise.all([served(platform, "acme"), served(platform, "globex")]);
  const pods = await furnish({ platform, settings, acme, world });
  const { gateway, monitoring, other, agent, stray } = pods;
  const [acmeCalled, acmeCalls] = await replicasOf(cluster, acme);
  const [globexCalled, globexCalls] = await replicasOf(cluster, globex);

  const atPod = async (place: PodPlace, port: number) => tcp(await addressOf(cluster, place), port);
  const controlPlane = new URL(platform.url);
  const api = new URL(cluster.apiUrl);
  return {
    acme,
    globex,
    callers: {
      "the gateway": gateway,
      monitoring,
      "a pod with our labels elsewhere": other,
      "acme's data plane": acmeCalls,
      "globex's data plane": globexCalls,
      "acme's agent": agent,
      "a stray pod in acme's namespace": stray,
    },
    targets: {
      names: { by: "name", host: "kubernetes.default.svc.cluster.local", port: 53 } satisfies Target,
      "the resolver": tcp(NETWORK.dnsService, 53),
      "the control plane": tcp(controlPlane.hostname, controlPlane.port),
      "another port of the host": await listen(world, cluster.address, 443),
      "the kubelet": tcp(cluster.address, await kubeletPort(cluster)),
      "the API server's service": tcp(NETWORK.kubernetesService, 443),
      "the API server": tcp(api.hostname, api.port),
      "a provider that the operator allows": tcp(PROVIDER, new URL(platform.provider.url).port),
      "the internet, 443": await listen(world, INTERNET, 443),
      "the internet, 80": await listen(world, INTERNET, 80),
      "the cloud's metadata": tcp("169.254.169.254", 80),
      "another pod": await atPod(other, PROBE_PORT),
      "a pod that passes for a data plane": await atPod(other, LOOKALIKE_PORT),
      "a resolver of another pod": {
        by: "udp",
        host: await addressOf(cluster, other),
        port: PROBE_UDP_PORT,
      } satisfies Target,
      "acme's traffic port": await atPod(acmeCalled, 8_800),
      "acme's admin port": await atPod(acmeCalled, 9_800),
      "globex's traffic port": await atPod(globexCalled, 8_800),
      "globex's admin port": await atPod(globexCalled, 9_800),
      "acme's agent": await atPod(agent, PROBE_PORT),
      "acme's stray pod": await atPod(stray, PROBE_PORT),
    },
  };
}

export function serviceUrl({ namespace }: Pick<WalledTenant, "namespace">): string {
  return `http://data-plane.${namespace}.svc:8800`;
}

/** With a provider at an address of its own, so that a policy can tell it from the rest of this host. */
async function startPlatform(cluster: ClusterNode, world: AsyncDisposableStack) {
  for (const address of [PROVIDER, INTERNET]) {
    const where = [`${address}/32`, "dev", NETWORK.bridge];
    await run("ip", ["address", "replace", ...where]);
    world.defer(() => run("ip", ["address", "del", ...where]).then(() => undefined));
  }
  const env = { HEADGATE_PRIVATE_NETWORKS: `${PROVIDER}/32` };
  const platform = world.use(await startClusterPlatform({ node: cluster, env }));
  const region = await platform.operator.regions.get({ name: REGION });
  const before = clusterSettings.parse(region.cluster);
  const settings: ClusterSettings = {
    ...before,
    gateway: { namespace: HOMES.gateway, name: "headgate" },
    monitoring: { ...before.monitoring, namespace: HOMES.monitoring },
    tenantEgressCidrs: [`${PROVIDER}/32`],
  };
  await platform.operator.regions.put({ name: REGION, issuer: region.issuer, cluster: settings });
  const credentials = { "sk-simulated-acme": "acme" };
  const provider = world.use(await startSimulatedProvider({ host: PROVIDER, credentials }));
  return { settings, platform: { ...platform, provider, node: { ...cluster, address: PROVIDER } } };
}

/** Resolves when its data plane answers, which this host may ask whatever the policies say. */
async function served(platform: ClusterPlatform, name: string): Promise<WalledTenant> {
  const tenant = await createTenant(platform, name);
  await until({ what: `the data plane of ${name} is ready`, seconds: 180, everyMs: 300 }, async () => {
    const row = await tenant.api.data_planes.get({ data_plane_id: tenant.dataPlaneId });
    return row.state === "ready" && row.applied_revision === row.wanted_revision;
  });
  await onlyReadyPods(platform.node, tenant.namespace, planNumbers("starter").replicas.min);
  await until({ what: `the service of ${name} answers`, seconds: 30 }, async () => {
    const headers = { authorization: `Bearer ${tenant.agentKey}` };
    const answer = await fetch(`${serviceUrl(tenant)}/v1/models`, { dispatcher: platform.agent, headers });
    await answer.text();
    return answer.status === 200;
  });
  return tenant;
}

interface Furnishing {
  readonly platform: ClusterPlatform;
  readonly settings: ClusterSettings;
  readonly acme: WalledTenant;
  readonly world: AsyncDisposableStack;
}

/** Puts a pod wherever there must be one to try from or to. */
async function furnish({ platform, settings, acme, world }: Furnishing) {
  const { kubectl, importImage } = platform.node;
  const { archive, name, ref: image } = platform.images.toolbox;
  await importImage(archive, name);
  const ofAgent = agentNamespaceManifests({
    agentId: makeId("agent"),
    tenantId: acme.id,
    plan: "starter",
    cluster: settings,
  });
  const { namespace: agentHome, quota, limits, policies, account } = ofAgent;
  const plain = Object.values(HOMES).map((home) => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: home },
  }));
  const homes = [...plain, agentHome];
  world.defer(async () => {
    const names = homes.map(({ metadata }) => metadata.name);
    await kubectl(["delete", "namespace", ...names, "--ignore-not-found", "--wait=true", "--timeout=60s"]);
  });
  await kubectl(["create", "-f", "-"], [...homes, quota, limits, ...policies, account]);

  const pods = {
    gateway: { namespace: HOMES.gateway, pod: "probe" },
    monitoring: { namespace: HOMES.monitoring, pod: "probe" },
    other: { namespace: HOMES.other, pod: "probe" },
    agent: { namespace: agentHome.metadata.name, pod: "probe" },
    stray: { namespace: acme.namespace, pod: "probe" },
  };
  await kubectl(
    ["create", "-f", "-"],
    [
      probePod({ ...pods.gateway, image }),
      probePod({ ...pods.monitoring, image }),
      probePod({
        ...pods.other,
        image,
        // All that an agent's namespace has, and a data plane's pod: no policy may go by what anybody can claim.
        labels: { ...agentHome.metadata.labels, "app.kubernetes.io/name": "data-plane" },
      }),
      probePod({ ...pods.agent, image, serviceAccountName: AGENT_ACCOUNT }),
      probePod({ ...pods.stray, image, priorityClassName: priorityClass("starter") }),
    ],
  );
  for (const { namespace, pod } of Object.values(pods))
    await kubectl(["-n", namespace, "wait", "--for=condition=Ready", `pod/${pod}`, "--timeout=60s"]);
  return pods;
}

/** One to call, and one that calls. */
async function replicasOf(cluster: ClusterNode, { namespace }: WalledTenant): Promise<[PodPlace, PodPlace]> {
  const [called, calls] = await dataPlanePods(cluster, namespace);
  if (called === undefined || calls === undefined) throw new Error(`${namespace} has no two replicas`);
  return [
    { namespace, pod: called.metadata.name },
    { namespace, pod: calls.metadata.name },
  ];
}

function addressOf({ kubectl }: ClusterNode, { namespace, pod }: PodPlace): Promise<string> {
  return kubectl(["-n", namespace, "get", "pod", pod, "-o", "jsonpath={.status.podIP}"]);
}

function kubeletPort({ kubectl, nodeName }: ClusterNode): Promise<string> {
  const path = "jsonpath={.status.daemonEndpoints.kubeletEndpoint.Port}";
  return kubectl(["get", "node", nodeName, "-o", path]);
}

function tcp(host: string, port: number | string): Target {
  return { by: "tcp", host, port: Number(port) };
}

async function listen(world: AsyncDisposableStack, host: string, port: number): Promise<Target> {
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  world.defer(() => {
    server.close();
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server has no address");
  return tcp(host, address.port);
}

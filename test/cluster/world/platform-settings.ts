/** The configuration of `base` and `platform` for the cluster of the suite, as their operators would write it. */
import { type BaseConfig, baseConfig } from "@headgate/infra/base";
import { type PlatformConfig, platformConfig } from "@headgate/infra/platform";
import type { ClusterNode } from "../node/cluster-node.ts";
import type { Images } from "./cluster-platform.ts";
import { REGION } from "./cluster-settings.ts";

export const SYSTEM = "headgate-system";
const API_PORT = 8_080;
const API_URL = `http://api.${SYSTEM}.svc.cluster.local:${API_PORT}`;
const MONITORING = { namespace: "headgate-monitoring", podMonitors: true, rules: true };

/** Names of what the operators put into the system namespace by hand. */
export const BY_HAND = { secret: "headgate", database: "headgate-database", ca: "headgate-database-ca" };

interface SettingsWorld {
  readonly node: ClusterNode;
  readonly images: Images;
  readonly apiServer: BaseConfig["apiServer"];
}

/** Where pods' calls of the API server arrive: at its Service, and behind that at the API server itself. */
export async function apiServerOf({ kubectl }: ClusterNode): Promise<BaseConfig["apiServer"]> {
  const selected = ["-n", "default", "-l", "kubernetes.io/service-name=kubernetes", "-o", "json"];
  const { items } = JSON.parse(await kubectl(["get", "endpointslices", ...selected])) as {
    items: { endpoints: { addresses: string[] }[]; ports: { port: number }[] }[];
  };
  const addresses = items.flatMap(({ endpoints }) => endpoints.flatMap(({ addresses }) => addresses));
  return {
    cidrs: addresses.map((address) => `${address}/32`),
    ports: [443, ...items.flatMap(({ ports }) => ports.map(({ port }) => port))],
  };
}

export function baseSettings({ node, images, apiServer }: SettingsWorld): BaseConfig {
  const host = `${node.address}/32`;
  return baseConfig.parse({
    region: REGION,
    domain: "test.headgate.example",
    kubernetesVersion: "1.36",
    controlPlane: { url: API_URL, cidrs: [node.podCidr], port: API_PORT },
    apiServer,
    podCidr: node.podCidr,
    serviceCidr: node.serviceCidr,
    nodeCidrs: apiServer.cidrs,
    dns: node.dns,
    gateway: null,
    admission: { registries: [images.dataPlane.ref.replace(/\/[^/]*$/, "")] },
    monitoring: MONITORING,
    metrics: { openStreams: false },
    storage: { persistentClass: null },
    collector: { image: images.collector.ref, exporter: null },
    valkey: { image: images.valkey.ref, memoryMib: 64, volume: null, tlsSecret: null },
    tenantEgressCidrs: [host],
    runtimeClass: null,
    userNamespaces: false,
  });
}

export function platformSettings(
  { node, images, apiServer }: SettingsWorld,
  databasePort: number,
): PlatformConfig {
  const host = `${node.address}/32`;
  return platformConfig.parse({
    region: REGION,
    image: images.controlPlane.ref,
    workerImage: images.worker.ref,
    dataPlaneImage: images.dataPlane.ref,
    collectorImage: images.collector.ref,
    imageVersion: "0.1.0",
    publicUrl: API_URL,
    api: { replicas: { min: 2, max: 3 }, cpuMillicores: 100, memoryMib: 384, clientCidrs: [host] },
    worker: { replicas: 1, operations: 1, operationSecondsMax: 300, driftMinutes: 0 },
    database: {
      kind: "external",
      secret: BY_HAND.database,
      caConfigMap: BY_HAND.ca,
      cidrs: [host],
      port: databasePort,
    },
    secret: BY_HAND.secret,
    // In the database too: what the worker needs of a back end is in the Secret.
    pulumi: { backend: null },
    apiServer,
    gateway: null,
    monitoring: MONITORING,
    privateNetworks: [host],
  });
}

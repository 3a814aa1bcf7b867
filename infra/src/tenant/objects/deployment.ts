/** The data plane's replicas. How many there are is the autoscaler's to say, so nothing is said here. */
import { CLUSTER_JOIN_AUDIENCE } from "@headgate/sdk/contract";
import type { apps } from "@pulumi/kubernetes";
import { ADMIN_PORT, DATA_PLANE, TRAFFIC_PORT } from "../../names.ts";
import { CONTAINER_SECURITY } from "../../pod-security.ts";
import { OWNER_READS, projectedToken } from "../../projected-token.ts";
import { mebibytes } from "../../quantity.ts";
import { replicaSize } from "../pod-sizes.ts";
import type { Tenant } from "../tenant.ts";
import {
  DRAIN_DELAY_SECONDS,
  environment,
  JOIN_PATH,
  STATE_PATH,
  TOKEN_FILE,
  TOKEN_PATH,
} from "./environment.ts";
import { JOIN_SECRET } from "./join-secret.ts";
import { labels, metadata, selector } from "./metadata.ts";
import { podBase, resources } from "./pod-base.ts";
import { placement } from "./pod-placement.ts";
import { STATE_VOLUME_CLAIM } from "./state-volume-claim.ts";

/** Balancers learn in this time that a replica is about to end, while it still takes calls. */
const PRE_STOP_SECONDS = 5;
/** After the drain: the last usage is handed over. */
const FLUSH_SECONDS = 15;

export function deployment(tenant: Tenant) {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadata(tenant, DATA_PLANE),
    spec: {
      selector: { matchLabels: selector(DATA_PLANE) },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" } },
      minReadySeconds: 5,
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 3,
      template: {
        metadata: { labels: labels(tenant, DATA_PLANE) },
        spec: {
          serviceAccountName: DATA_PLANE,
          ...podBase(tenant),
          ...placement(tenant, DATA_PLANE),
          terminationGracePeriodSeconds: graceSeconds(tenant),
          containers: [container(tenant)],
          volumes: volumes(tenant),
        },
      },
    },
  } satisfies apps.v1.DeploymentArgs;
}

/** Longer than the longest stream: the kubelet never cuts one off. */
export function graceSeconds({ numbers }: Tenant): number {
  return PRE_STOP_SECONDS + DRAIN_DELAY_SECONDS + numbers.replica.drainSeconds + FLUSH_SECONDS;
}

function container(tenant: Tenant) {
  return {
    name: DATA_PLANE,
    image: tenant.spec.image,
    ports: [
      { name: "http", containerPort: TRAFFIC_PORT, protocol: "TCP" },
      { name: "admin", containerPort: ADMIN_PORT, protocol: "TCP" },
    ],
    env: environment(tenant),
    resources: resources(replicaSize(tenant)),
    securityContext: CONTAINER_SECURITY,
    lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
    startupProbe: { httpGet: admin("/livez"), periodSeconds: 1, failureThreshold: 120 },
    // Not ready without a policy, nor while it drains.
    readinessProbe: { httpGet: admin("/readyz"), periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 2 },
    // The event loop and nothing else: a look at providers would make their outage a storm of restarts.
    livenessProbe: { httpGet: admin("/livez"), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    volumeMounts: [
      { name: "state", mountPath: STATE_PATH },
      { name: "temporary", mountPath: "/tmp" },
      { name: "join", mountPath: JOIN_PATH, readOnly: true },
      { name: "token", mountPath: TOKEN_PATH, readOnly: true },
    ],
  };
}

const admin = (path: string) => ({ path, port: "admin" });

function volumes(tenant: Tenant) {
  const { volumesMib } = replicaSize(tenant);
  const state =
    tenant.spool === "node"
      ? { emptyDir: { sizeLimit: mebibytes(volumesMib.state) } }
      : { persistentVolumeClaim: { claimName: STATE_VOLUME_CLAIM } };
  return [
    { name: "state", ...state },
    { name: "temporary", emptyDir: { sizeLimit: mebibytes(volumesMib.temporary) } },
    { name: "join", secret: { secretName: JOIN_SECRET, defaultMode: OWNER_READS } },
    {
      name: "token",
      ...projectedToken(CLUSTER_JOIN_AUDIENCE, TOKEN_FILE),
    },
  ];
}

import type { types } from "@pulumi/kubernetes";
import { selectorLabels } from "../base/kubernetes/object-labels.ts";
import { disruptionBudget, metadata } from "../base/kubernetes/objects.ts";
import { resources, spread } from "../base/kubernetes/pod-parts.ts";
import type { Manifest } from "../manifest.ts";
import { controlPlanePod, METRICS_PORT, partOf } from "./control-plane-pod.ts";
import type { PlatformConfig } from "./platform-config.ts";

const PART = "worker";

/** Mebibytes of the worker itself, and of each operation: CLI, provider and program. */
const MEMORY_MIB = { worker: 512, operation: 450 };

/** Brings tenants' stacks up and down. Its ServiceAccount is the one that `base` gives the provisioner's role. */
export function workerManifests(config: PlatformConfig): Manifest[] {
  const where = partOf(PART, config);
  return [
    { apiVersion: "apps/v1", kind: "Deployment", metadata: metadata(where), spec: deploymentSpec(config) },
    disruptionBudget(where),
  ];
}

function deploymentSpec(config: PlatformConfig): types.input.apps.v1.DeploymentSpec {
  const { worker } = config;
  const selector = selectorLabels(PART);
  const probe = (path: string) => ({ httpGet: { path, port: "metrics" }, timeoutSeconds: 5 });
  return {
    replicas: worker.replicas,
    revisionHistoryLimit: 3,
    progressDeadlineSeconds: 300,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    selector: { matchLabels: selector },
    template: controlPlanePod(config, {
      part: PART,
      image: config.workerImage,
      args: ["dist/main.js"],
      secretFiles: [
        "HEADGATE_KEY_FILE",
        "HEADGATE_PULUMI_PASSPHRASE_FILE",
        ...(config.pulumi.backend === null ? (["HEADGATE_PULUMI_BACKEND_FILE"] as const) : []),
      ],
      environment: {
        HEADGATE_ROLE: "worker",
        HEADGATE_DRIVER: "pulumi",
        HEADGATE_METRICS_PORT: String(METRICS_PORT),
        ...(config.pulumi.backend === null ? {} : { HEADGATE_PULUMI_BACKEND: config.pulumi.backend }),
        HEADGATE_DATA_PLANE_IMAGE: config.dataPlaneImage,
        HEADGATE_COLLECTOR_IMAGE: config.collectorImage,
        HEADGATE_OPERATIONS_MAX: String(worker.operations),
        HEADGATE_OPERATION_DEADLINE_SECONDS: String(worker.operationSecondsMax),
        HEADGATE_DRIFT_MINUTES: String(worker.driftMinutes),
        HEADGATE_DRIFT_REPAIR: String(worker.repairsDrift),
      },
      folders: {
        // Each operation has its own home and program folder in here.
        tmp: { path: "/tmp", sizeMib: 256 + 64 * worker.operations },
        // What the CLI notes in the image's own home, which is otherwise read-only.
        workspaces: { path: "/opt/pulumi/home/workspaces", sizeMib: 64 },
      },
      pod: {
        serviceAccountName: PART,
        // The one part with a token of the API server's: its role there is the provisioner's.
        automountServiceAccountToken: true,
        // The CLI starts programs that start programs, and the worker does not collect those that outlive theirs.
        shareProcessNamespace: true,
        terminationGracePeriodSeconds: worker.operationSecondsMax + 60,
        topologySpreadConstraints: spread(selector),
      },
      container: {
        ports: [{ name: "metrics", containerPort: METRICS_PORT }],
        startupProbe: { ...probe("/livez"), periodSeconds: 1, failureThreshold: 120 },
        readinessProbe: { ...probe("/readyz"), periodSeconds: 10 },
        livenessProbe: { ...probe("/livez"), periodSeconds: 20, failureThreshold: 6 },
        resources: resources(500, MEMORY_MIB.worker + MEMORY_MIB.operation * worker.operations),
      },
    }),
  };
}

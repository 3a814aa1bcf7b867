import type { types } from "@pulumi/kubernetes";
import { metadata } from "../base/kubernetes/objects.ts";
import { resources } from "../base/kubernetes/pod-parts.ts";
import type { Manifest } from "../manifest.ts";
import { controlPlanePod, partOf } from "./control-plane-pod.ts";
import type { PlatformConfig } from "./platform-config.ts";

/**
 * Brings the database to the image's version, before anything of that version starts. A Job cannot be changed, so each
 * image has one of its own. It stays until the next: a Job that removed itself would be missed, and run again.
 */
export function migrations(config: PlatformConfig): Manifest {
  const digest = config.image.slice(config.image.indexOf("@sha256:") + "@sha256:".length);
  const part = "migrations";
  const spec: types.input.batch.v1.JobSpec = {
    backoffLimit: 3,
    activeDeadlineSeconds: 540,
    template: controlPlanePod(config, {
      part,
      image: config.image,
      args: ["dist/main.js", "migrate"],
      secretFiles: [],
      environment: { HEADGATE_DRIVER: "none", HEADGATE_DATABASE_LOGINS: config.database.logins.join(",") },
      pod: { restartPolicy: "Never", serviceAccountName: part },
      container: { resources: resources(100, 256) },
    }),
  };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: metadata({ ...partOf(part, config), name: `${part}-${digest.slice(0, 12)}` }),
    spec,
  };
}

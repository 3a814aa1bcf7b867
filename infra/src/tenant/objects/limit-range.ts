/**
 * Bounds for one container, and what one gets that asks for nothing, which the quota would refuse. For CPU there is
 * neither `default` nor `max`: either would give every container a CPU limit.
 */
import type { core } from "@pulumi/kubernetes";
import { mebibytes } from "../../quantity.ts";
import { type PodSize, podsAtMost } from "../pod-sizes.ts";
import type { Tenant } from "../tenant.ts";
import { metadata } from "./metadata.ts";

const DEFAULT = { memory: "64Mi", "ephemeral-storage": "64Mi" };

export function limitRange(tenant: Tenant) {
  const sizes = podsAtMost(tenant).map(({ size }) => size);
  const largest = (of: (size: PodSize) => number) => mebibytes(Math.max(...sizes.map(of)));
  return {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: metadata(tenant, "tenant"),
    spec: {
      limits: [
        {
          type: "Container",
          default: DEFAULT,
          defaultRequest: { cpu: "10m", ...DEFAULT },
          min: { cpu: "10m", memory: "16Mi" },
          max: {
            memory: largest(({ memoryMib }) => memoryMib),
            "ephemeral-storage": largest(({ diskMib }) => diskMib),
          },
          // A container that may take more than it asked for is the first to be killed when its node runs short.
          maxLimitRequestRatio: { memory: "1" },
        },
      ],
    },
  } satisfies core.v1.LimitRangeArgs;
}

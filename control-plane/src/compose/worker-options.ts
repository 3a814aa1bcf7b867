/** What the worker is given, and what it gives its driver. */
import type { Id } from "@headgate/sdk/contract";
import type { Services } from "../api/trpc/context.ts";
import type { Config } from "../config.ts";
import type { OperationMetrics } from "../provisioning/pulumi/operate/operation-metrics.ts";

export interface WorkerOptions
  extends Pick<
    Config,
    | "driver"
    | "pulumi"
    | "dataDirectory"
    | "dataPlaneEntry"
    | "stopDataPlanesOnExit"
    | "ledgerAuditMs"
    | "environment"
  > {
  /** Where data planes reach the control plane. */
  readonly controlPlaneUrl: string;
  readonly services: WorkerServices;
}

export type WorkerServices = Pick<
  Services,
  | "db"
  | "contract"
  | "embedded"
  | "clock"
  | "random"
  | "makeId"
  | "logger"
  | "secrets"
  | "keyWrapper"
  | "operationHints"
> & { readonly metrics: Pick<Services["metrics"], "registry"> };

/** What a driver tells of. */
export interface DriverEvents {
  /** Look at this data plane now. */
  readonly wake: (id: Id<"dataPlane">) => void;
  /** A data plane ended unasked. */
  readonly onRestart: () => void;
  readonly operationMetrics: OperationMetrics;
}

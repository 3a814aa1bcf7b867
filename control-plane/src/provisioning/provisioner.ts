/**
 * What brings data planes about. Every call is idempotent and returns soon: long work goes on in the background, under
 * the lease that it was asked for with, and shows in later observations.
 */
import type { Id } from "@headgate/sdk/contract";
import type { Observation } from "../data-planes/status.ts";
import type { Lease } from "./repository.ts";

export interface DesiredDataPlane {
  readonly id: Id<"dataPlane">;
  readonly tenantId: Id<"tenant">;
  readonly region: string;
  /** Its numbers are those of `@headgate/infra`. */
  readonly plan: string;
  /** Of its row: what else is wanted, such as a release. */
  readonly spec: Readonly<Record<string, unknown>>;
  readonly generation: number;
  /** A fresh join token; null for a data plane that has joined, and for drivers that need none. */
  readonly joinToken: string | null;
}

export type ObservedDataPlane = Omit<DesiredDataPlane, "joinToken">;

export interface Provisioner {
  /** The value of `driver` in the rows that it looks after. */
  readonly driver: string;
  /** `false` for a driver that compares what is wanted with what is there itself: it is asked at every pass, without a token. */
  readonly wantsToken: boolean;
  /** When one that is as it should be is looked at again, and the shortest time until one is that is not. */
  readonly lookAgainMs: number;
  readonly lookSoonMs: number;
  /** Starts it, or brings a running one to what is desired now. */
  provision(desired: DesiredDataPlane, lease: Lease): Promise<Observation>;
  observe(target: ObservedDataPlane): Promise<Observation>;
  /** Begins to drain it and to remove it; it is gone when the answer is `absent`. Its usage on disk is kept. */
  destroy(target: ObservedDataPlane, lease: Lease): Promise<Observation>;
  /** Work goes on under the lease of this data plane, which is kept by it, and given back by its owner afterwards. */
  isWorking(id: Id<"dataPlane">): boolean;
  /**
   * Ends the supervision. With `drain` all data planes on this machine end too, after their calls, also those of an
   * earlier process that were not looked at yet; otherwise they live on. Resolves with those that have ended.
   */
  close(options: { drain: boolean }): Promise<readonly Id<"dataPlane">[]>;
}

export const ABSENT: Observation = {
  phase: "absent",
  ready: false,
  current: true,
  endpointUrl: null,
  adminUrl: null,
  restarts: 0,
  message: "",
};

export const STOPPED: Observation = {
  ...ABSENT,
  phase: "stopped",
  message: "it was drained with the control plane that runs it",
};

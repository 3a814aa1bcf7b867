/** A control link against a fake control plane, with a state directory of its own and timers that a test fires. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@headgate/data-plane";
import {
  type ControlLink,
  createManualTimers,
  createPolicyHolder,
  type Logger,
  type ManualTimers,
  type PolicyHolder,
  startControlLink,
  systemClock,
} from "@headgate/data-plane/testing";
import { CONTRACT, type Contract, DATA_PLANE_API, type DecisionReport } from "@headgate/sdk/contract";
import { makeHeartbeat, makeId } from "@headgate/sdk/testing";
import type { FakeControlPlane } from "../../doubles/control-plane/fake-control-plane.ts";
import type { SeenRequest } from "../../doubles/control-plane/request-log.ts";

export interface LinkHarness extends AsyncDisposable {
  readonly stateDir: string;
  readonly holder: PolicyHolder;
  readonly link: ControlLink;
  readonly timers: ManualTimers;
  /** Every line, fields and message as JSON. */
  readonly log: readonly string[];
  /** What it was told, in order. */
  readonly liveReplicas: readonly number[];
  /** Resolves when this revision is in force. */
  applied(revision: number): Promise<void>;
  /** Stops this link and starts another process's worth of one on the same state directory. */
  restart(): Promise<LinkHarness>;
}

export async function startLink(
  fake: FakeControlPlane,
  options: {
    stateDir?: string;
    clock?: Clock;
    contract?: Contract;
    serviceAccountToken?: () => string | undefined;
    /** Reports of decisions that wait to be told. */
    decisions?: DecisionReport[];
  } = {},
): Promise<LinkHarness> {
  const { clock = systemClock } = options;
  const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), "headgate-link-")));
  const holder = createPolicyHolder();
  const timers = createManualTimers();
  const log: string[] = [];
  const liveReplicas: number[] = [];
  const write =
    (level: string): Logger["info"] =>
    (fields, message) =>
      log.push(JSON.stringify({ level, message, ...fields }));
  const link = await startControlLink({
    controlPlaneUrl: fake.url,
    stateDir,
    joinToken: () => fake.joinToken,
    serviceAccountToken: options.serviceAccountToken,
    onHeartbeat: ({ live_replicas }) => liveReplicas.push(live_replicas),
    version: "0.1.0",
    contract: options.contract ?? CONTRACT,
    instanceId: makeId("instance"),
    holder,
    dialects: new Set(["openai"]),
    heartbeat: () => makeHeartbeat({ applied_revision: holder.current()?.revision ?? 0 }),
    decisions: {
      take: () => options.decisions?.shift(),
      putBack: (report) => options.decisions?.unshift(report),
    },
    logger: { info: write("info"), warn: write("warn"), error: write("error") },
    clock,
    random: () => 0.5,
    newAssertionId: () => makeId("operation"),
    timers,
  });
  return {
    stateDir,
    holder,
    link,
    timers,
    log,
    liveReplicas,
    async applied(revision) {
      if (holder.current()?.revision === revision) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const unsubscribe = holder.subscribe((policy) => {
        if (policy.revision === revision) resolve();
      });
      await promise;
      unsubscribe();
    },
    async restart() {
      await link.stop();
      return startLink(fake, { ...options, stateDir });
    },
    async [Symbol.asyncDispose]() {
      await link.stop();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

export const listening = ({ path, status }: SeenRequest) =>
  path === DATA_PLANE_API.snapshotEvents && status === 200;
export const fetched = ({ path, status }: SeenRequest) => path === DATA_PLANE_API.snapshot && status === 200;
export const verdictOn =
  (revision: number, ok: boolean) =>
  ({ path, body }: SeenRequest): boolean =>
    path === DATA_PLANE_API.snapshotAck &&
    JSON.stringify(body).includes(`"ok":${ok},"revision":${revision},`);
/** Any call that needs a credential. */
export const QUESTION = { method: "POST", path: DATA_PLANE_API.snapshotAck } as const;
export const countOf = (fake: FakeControlPlane, wanted: string) =>
  fake.seen.filter(({ path }) => path === wanted).length;

export async function joinAndApply(fake: FakeControlPlane, revision: number): Promise<LinkHarness> {
  const harness = await startLink(fake);
  await fake.received(listening);
  fake.serve(await fake.makeSnapshot({ revision }));
  await harness.applied(revision);
  await fake.received(verdictOn(revision, true));
  return harness;
}

/** What a policy in force says of the data plane that it is for. */
export const policyOf = ({ tenant_id, data_plane_id, region }: FakeControlPlane["owner"]) => ({
  tenantId: tenant_id,
  dataPlaneId: data_plane_id,
  region,
});

/**
 * The data plane's tie to the control plane. It starts from what is on disk: identity, registration, and the last good
 * snapshot, which is applied before anything is sent; then it joins if it must, and keeps in step. The control plane may
 * be away at any time and for any time: nothing here throws or ends for that.
 */
import type { Contract, Heartbeat, HeartbeatAnswer, Id } from "@headgate/sdk/contract";
import type { Clock } from "../lib/clock.ts";
import type { RandomFraction } from "../lib/jitter.ts";
import type { Logger } from "../lib/logger.ts";
import type { PolicyHolder } from "../policy/policy-holder.ts";
import type { DecisionLog } from "../telemetry/decision-log.ts";
import { type ControlRequest, type ControlResponse, createControlClient } from "./control-client.ts";
import { faultFields } from "./outage-log.ts";
import { type Credentials, createCredentials } from "./session/credential.ts";
import { createDecisionReports } from "./session/decision-reports.ts";
import { type Heartbeats, startHeartbeat } from "./session/heartbeat.ts";
import { loadIdentity } from "./session/identity.ts";
import { startJoining } from "./session/join.ts";
import { loadRegistration, type Registration } from "./session/registration.ts";
import { type AcceptOptions, acceptSnapshot, type SnapshotAcceptance } from "./snapshot/accept-snapshot.ts";
import { createLastGood, type LastGood } from "./snapshot/last-good.ts";
import { startSnapshotHints } from "./snapshot/snapshot-hints.ts";
import { createSnapshotSource } from "./snapshot/snapshot-source.ts";
import { createVerdicts, type Verdicts } from "./snapshot/verdicts.ts";
import type { ReceivedSnapshot } from "./snapshot/verify-snapshot.ts";
import { systemTimers, type Timers } from "./timers.ts";

export interface ControlLinkDeps {
  readonly controlPlaneUrl: string;
  readonly stateDir: string;
  /** Asked each time that joining is tried; undefined when there is none. */
  readonly joinToken: () => string | undefined;
  /** Of the pod, read anew each time; undefined outside of a cluster. With it a replica that was forgotten joins again. */
  readonly serviceAccountToken?: (() => string | undefined) | undefined;
  /** Told what is said of limits and budgets, and what was said before. */
  readonly onHeartbeat: (answer: HeartbeatAnswer, told: Heartbeat) => void;
  readonly version: string;
  readonly contract: Contract;
  readonly instanceId: Id<"instance">;
  readonly holder: PolicyHolder;
  /** The names of those that this data plane serves. */
  readonly dialects: ReadonlySet<string>;
  /** What to say of this data plane now. */
  readonly heartbeat: () => Heartbeat;
  /** What the control plane has not been told of yet. */
  readonly decisions: Pick<DecisionLog, "take" | "putBack">;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: RandomFraction;
  /** Unique at each call. */
  readonly newAssertionId: () => string;
  /** Real ones when absent. */
  readonly timers?: Timers;
}

export interface ControlLink {
  /** HTTP with this data plane's credential; throws when the control plane cannot be reached or before joining. */
  authorisedFetch(request: ControlRequest): Promise<ControlResponse>;
  /** Says to the control plane that this process is over. Resolves also when that cannot be told. */
  sayStopped(): Promise<void>;
  /** Ends every timer and connection. */
  stop(): Promise<void>;
}

/** Resolves when what is on disk has been applied. Throws only when the state directory cannot be used. */
export async function startControlLink(deps: ControlLinkDeps): Promise<ControlLink> {
  const { stateDir, holder, logger, contract, timers = systemTimers } = deps;
  const identity = await loadIdentity(stateDir, logger);
  const registration = loadRegistration({ stateDir, contract, isNew: identity.isNew, logger });
  const client = createControlClient({ baseUrl: deps.controlPlaneUrl, clock: deps.clock, contract });
  const credentials = createCredentials({
    ...deps,
    client,
    identity,
    registration,
    timers,
    onForgotten: () => joinAgain(),
  });
  const verdicts = createVerdicts(credentials, deps);
  const lastGood = createLastGood(stateDir, logger);
  const parts: LinkParts = {
    holder,
    dialects: deps.dialects,
    logger,
    identity,
    registration,
    credentials,
    verdicts,
    lastGood,
    contract,
  };
  await applyLastGood(parts);

  const source = createSnapshotSource({
    ...deps,
    credentials,
    verdicts,
    lastGood,
    timers,
    accept: (received) => acceptFromNetwork(received, parts),
    countRejection: holder.countRejection,
    keepKey: registration.keepKey,
  });
  const running: { stop(): void }[] = [];
  let heartbeats: Heartbeats | undefined;
  let joining: { stop(): void } | undefined;
  let stopped = false;
  let following = false;
  let latestRevision = 0;
  const hear = (revision: number | undefined): void => {
    latestRevision = Math.max(latestRevision, revision ?? 0);
    if (revision === undefined || revision > (holder.current()?.revision ?? 0)) void source.sync();
  };
  /** Heartbeats repeat themselves: a revision that was fetched and refused is left to the poll. */
  const hearOnce = (revision: number): void => {
    if (revision > latestRevision) hear(revision);
  };
  const onAnswer = (answer: HeartbeatAnswer, told: Heartbeat): void => {
    deps.onHeartbeat(answer, told);
    if (following) hearOnce(answer.latest_revision);
  };
  const followSnapshots = (): void => {
    if (stopped) return;
    following = true;
    source.start();
    running.push(startSnapshotHints({ ...deps, credentials, timers, onHint: hear }));
  };
  const keepInStep = (): void => {
    credentials.start();
    heartbeats = startHeartbeat({
      ...deps,
      credentials,
      timers,
      body: deps.heartbeat,
      onAnswer,
      alongside: createDecisionReports({ ...deps, credentials }),
    });
    running.push(credentials, heartbeats);
    // What has nothing to serve by yet first hears what was spent of its budgets before it, or that it cannot hear it.
    if (holder.current() === undefined) void heartbeats.first.then(followSnapshots);
    else followSnapshots();
  };
  const joinThen = (onJoined: () => void): void => {
    const ended = (): void => {
      joining = undefined;
      onJoined();
    };
    joining = startJoining({ ...deps, client, identity, registration, timers, onJoined: ended });
  };
  function joinAgain(): void {
    if (stopped || joining !== undefined || deps.serviceAccountToken === undefined) return;
    logger.warn({}, "the control plane has forgotten this replica; it joins again");
    joinThen(() => void source.sync());
  }
  if (registration.current() !== undefined) keepInStep();
  else joinThen(keepInStep);

  return {
    authorisedFetch: credentials.authorisedFetch,
    sayStopped: async () => heartbeats?.stopped(),
    async stop() {
      stopped = true;
      joining?.stop();
      for (const part of running) part.stop();
      const fetched = source.stop();
      await client.close();
      await fetched;
    },
  };
}

interface LinkParts extends Omit<AcceptOptions, "owner" | "trustedKeys"> {
  readonly logger: Logger;
  readonly registration: Registration;
  readonly credentials: Pick<Credentials, "renew">;
  readonly verdicts: Verdicts;
  readonly lastGood: LastGood;
}

async function applyLastGood({ lastGood, verdicts, ...parts }: LinkParts): Promise<void> {
  const { registration, holder, logger } = parts;
  const owner = registration.current();
  const kept = owner === undefined ? "none" : lastGood.load();
  if (owner === undefined || kept === "none") return;
  if (kept === "damaged") {
    holder.countRejection("damaged");
    logger.error({}, "the last good snapshot on disk is damaged");
    return;
  }
  const trustedKeys = registration.trustedKeysOnDisk();
  const acceptance = await acceptSnapshot(kept, { ...parts, owner, trustedKeys });
  if (acceptance.outcome === "applied") {
    const { revision } = acceptance.policy;
    logger.info({ revision }, "the last good revision was applied from disk");
    verdicts.ack(revision);
  } else if (acceptance.outcome === "refused") {
    const { reason, errors } = acceptance;
    logger.error({ reason, errors: errors.slice(0, 5) }, "the last good snapshot on disk was refused");
  }
}

async function acceptFromNetwork(received: ReceivedSnapshot, parts: LinkParts): Promise<SnapshotAcceptance> {
  const { registration, credentials, logger } = parts;
  if (!registration.trustedKeys().some((key) => key.key_id === received.keyId)) {
    // Signing keys change with overlap; the answer to a renewal tells which are good by now.
    await credentials
      .renew()
      .catch((cause: unknown) => logger.warn(faultFields(cause), "no newer signing keys"));
  }
  const owner = registration.current();
  if (owner === undefined) throw new Error("a snapshot before joining");
  return acceptSnapshot(received, { ...parts, owner, trustedKeys: registration.trustedKeys() });
}

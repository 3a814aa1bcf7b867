/**
 * All that the planes say to each other, by version. Both planes take it as a parameter, so that a test can give them
 * one with a version more or less than the other's.
 */
import { type DecisionReport, decisionReport } from "../decision.ts";
import { type Heartbeat, type HeartbeatAnswer, heartbeat, heartbeatAnswer } from "../heartbeat.ts";
import {
  type CredentialAnswer,
  type CredentialRequest,
  credentialAnswer,
  credentialRequest,
  type JoinRequest,
  joinRequest,
  type SnapshotAck,
  snapshotAck,
} from "../join.ts";
import { type PolicySnapshot, policySnapshot } from "../policy-snapshot.ts";
import {
  type AttemptOpened,
  attemptOpened,
  type UsageAck,
  type UsageBatchHeader,
  type UsageEvent,
  type UsageGap,
  usageAck,
  usageBatchHeader,
  usageEvent,
  usageGap,
} from "../usage-batch.ts";
import { type Form, type Format, firstForm, format, nextForm } from "./form.ts";
import {
  attemptOpenedV1,
  policySnapshotDown,
  policySnapshotV1,
  usageDown,
  usageEventV1,
  usageUp,
} from "./v1.ts";
import {
  chargesDown,
  heartbeatAnswerDown,
  heartbeatAnswerUp,
  heartbeatAnswerV2,
  heartbeatDown,
  heartbeatUp,
  heartbeatV2,
  usageEventV2,
} from "./v2.ts";

/**
 * The version of the forms that this code handles. It rises with any change of any of them, since all are closed; the
 * form before it then goes to a file of its own here, with a step from it and one back, and golden files are added.
 */
export const CONTRACT_VERSION = 3;

/**
 * On every request of a data plane and every answer to it: the newest version that the sender reads. Absent means 1.
 * Whatever is sent is of that version at most. Each plane reads its own version and the one before it from the other;
 * what was stored is read whatever its version.
 */
export const CONTRACT_HEADER = "headgate-contract";

export interface Contract {
  /** The newest version that is read and written. */
  readonly version: number;
  readonly snapshot: Format<PolicySnapshot>;
  readonly heartbeat: Format<Heartbeat>;
  readonly heartbeatAnswer: Format<HeartbeatAnswer>;
  readonly joinRequest: Format<JoinRequest>;
  readonly credentialRequest: Format<CredentialRequest>;
  readonly credentialAnswer: Format<CredentialAnswer>;
  readonly snapshotAck: Format<SnapshotAck>;
  readonly usageBatch: Format<UsageBatchHeader>;
  /** Of the version that the header of its batch states. */
  readonly usageEvent: Form<UsageEvent>;
  /** Of the version that its segment of the spool states. */
  readonly attemptOpened: Form<AttemptOpened>;
  readonly usageAck: Format<UsageAck>;
  readonly usageGap: Format<UsageGap>;
  /** Since version 3. */
  readonly decisionReport: Format<DecisionReport>;
}

const ALWAYS = { newest: CONTRACT_VERSION, statedFrom: 1 } as const;
const SINCE_2 = { newest: CONTRACT_VERSION, statedFrom: 2 } as const;

export const CONTRACT: Contract = {
  version: CONTRACT_VERSION,
  snapshot: format(
    "snapshot",
    nextForm(firstForm(policySnapshotV1), {
      since: 2,
      schema: policySnapshot,
      up: (snapshot) => snapshot,
      down: policySnapshotDown,
    }),
    ALWAYS,
  ),
  heartbeat: format(
    "heartbeat",
    nextForm(firstForm(heartbeatV2), {
      since: 3,
      schema: heartbeat,
      up: heartbeatUp,
      down: heartbeatDown,
    }),
    ALWAYS,
  ),
  heartbeatAnswer: format(
    "heartbeat-answer",
    nextForm(firstForm(heartbeatAnswerV2), {
      since: 3,
      schema: heartbeatAnswer,
      up: heartbeatAnswerUp,
      down: heartbeatAnswerDown,
    }),
    SINCE_2,
  ),
  joinRequest: format("join-request", firstForm(joinRequest), SINCE_2),
  credentialRequest: format("credential-request", firstForm(credentialRequest), SINCE_2),
  credentialAnswer: format("credential-answer", firstForm(credentialAnswer), SINCE_2),
  snapshotAck: format("snapshot-ack", firstForm(snapshotAck), SINCE_2),
  usageBatch: format("usage-batch", firstForm(usageBatchHeader), ALWAYS),
  usageEvent: nextForm(
    nextForm(firstForm(usageEventV1), {
      since: 2,
      schema: usageEventV2,
      up: usageUp,
      down: usageDown,
    }),
    { since: 3, schema: usageEvent, up: (event) => event, down: chargesDown },
  ),
  attemptOpened: nextForm(firstForm(attemptOpenedV1), {
    since: 2,
    schema: attemptOpened,
    up: usageUp,
    down: usageDown,
  }),
  usageAck: format("usage-ack", firstForm(usageAck), SINCE_2),
  usageGap: format("usage-gap", firstForm(usageGap), SINCE_2),
  decisionReport: format("decision-report", firstForm(decisionReport), ALWAYS),
};

/** The oldest version that is taken from the other plane. */
export function oldestSpoken({ version }: Contract): number {
  return Math.max(1, version - 1);
}

/** What a `CONTRACT_HEADER` states; undefined where it is no version. */
export function statedVersion(header: string | undefined): number | undefined {
  if (header === undefined) return 1;
  return /^[1-9]\d{0,3}$/.test(header) ? Number(header) : undefined;
}

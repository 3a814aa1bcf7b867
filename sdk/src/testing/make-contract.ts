import { CONTRACT, CONTRACT_VERSION, type Contract } from "../contract/versions/contract.ts";
import { type Form, type Format, type Reading, schemaOf } from "../contract/versions/form.ts";

const NEXT = CONTRACT_VERSION + 1;

/** The contract as a release knew it whose newest version was this one. */
export function contractUpTo(version: number): Contract {
  const known = <T>(reading: Reading<T>): Reading<T> =>
    reading.ok && reading.version > version ? refused("schema") : reading;
  const cut = <T>(format: Format<T>): Format<T> => ({
    ...format,
    read: (document) => known(format.read(document)),
  });
  return {
    version,
    snapshot: cut(CONTRACT.snapshot),
    heartbeat: cut(CONTRACT.heartbeat),
    heartbeatAnswer: cut(CONTRACT.heartbeatAnswer),
    joinRequest: cut(CONTRACT.joinRequest),
    credentialRequest: cut(CONTRACT.credentialRequest),
    credentialAnswer: cut(CONTRACT.credentialAnswer),
    snapshotAck: cut(CONTRACT.snapshotAck),
    usageBatch: cut(CONTRACT.usageBatch),
    usageEvent: {
      ...CONTRACT.usageEvent,
      read: (document, stated) => known(CONTRACT.usageEvent.read(document, stated)),
    },
    attemptOpened: CONTRACT.attemptOpened,
    usageAck: cut(CONTRACT.usageAck),
    usageGap: cut(CONTRACT.usageGap),
    decisionReport: cut(CONTRACT.decisionReport),
  };
}

/** A contract of one version more, in which every document has one more required member. */
export function nextContract(): Contract {
  return {
    version: NEXT,
    snapshot: nextFormat("snapshot", CONTRACT.snapshot, { residency: "eu" }),
    heartbeat: nextFormat("heartbeat", CONTRACT.heartbeat, { temperature: 20 }),
    heartbeatAnswer: nextFormat("heartbeat-answer", CONTRACT.heartbeatAnswer, { pace: "calm" }),
    joinRequest: nextFormat("join-request", CONTRACT.joinRequest, { rack: 7 }),
    credentialRequest: nextFormat("credential-request", CONTRACT.credentialRequest, { purpose: "renewal" }),
    credentialAnswer: nextFormat("credential-answer", CONTRACT.credentialAnswer, { zone: "a" }),
    snapshotAck: nextFormat("snapshot-ack", CONTRACT.snapshotAck, { took_ms: 3 }),
    usageBatch: nextFormat("usage-batch", CONTRACT.usageBatch, { codec: "plain" }),
    usageEvent: nextForm(CONTRACT.usageEvent, { carbon_grams: 1 }),
    attemptOpened: nextForm(CONTRACT.attemptOpened, { carbon_grams: 1 }),
    usageAck: nextFormat("usage-ack", CONTRACT.usageAck, { depth: 0 }),
    usageGap: nextFormat("usage-gap", CONTRACT.usageGap, { hint: "resend" }),
    decisionReport: nextFormat("decision-report", CONTRACT.decisionReport, { mood: "sorry" }),
  };
}

type Members = Readonly<Record<string, string | number>>;

/** Code knows nothing of what was added: it is checked and put aside where it is read, and put in where it is written. */
function nextForm<T>(form: Form<T>, added: Members): Form<T> {
  return {
    read(document, version) {
      if (version < NEXT) return form.read(document, version);
      const rest = without(document, added);
      if (rest === undefined) return refused("");
      const reading = form.read(rest, CONTRACT_VERSION);
      return reading.ok ? { ...reading, version } : reading;
    },
    write: (value, version) =>
      version < NEXT ? form.write(value, version) : { ...form.write(value, CONTRACT_VERSION), ...added },
  };
}

function nextFormat<T>(kind: string, format: Format<T>, added: Members): Format<T> {
  return {
    read(document) {
      const schema = { schema: schemaOf(kind, NEXT) };
      const rest = without(document, { ...schema, ...added });
      if (rest === undefined) return format.read(document);
      const reading = format.read({ schema: schemaOf(kind, CONTRACT_VERSION), ...rest });
      return reading.ok ? { ...reading, version: NEXT } : reading;
    },
    write: (value, version) =>
      version < NEXT
        ? format.write(value, version)
        : { ...format.write(value, CONTRACT_VERSION), schema: schemaOf(kind, NEXT), ...added },
  };
}

/** The other members; undefined where one of these is not there with its value. */
function without(document: unknown, members: Members): object | undefined {
  if (typeof document !== "object" || document === null) return undefined;
  const entries = Object.entries(document);
  const has = (name: string) => entries.some(([key, value]) => key === name && value === members[name]);
  if (!Object.keys(members).every(has)) return undefined;
  return Object.fromEntries(entries.filter(([key]) => !Object.hasOwn(members, key)));
}

function refused(path: string): Reading<never> {
  return { ok: false, issues: [{ path, message: "is not known here" }] };
}

/**
 * Documents of every version, kept for ever. A test that fails here says that a form has changed under a version that
 * is out: leave that version as it is, raise `CONTRACT_VERSION`, keep the older form in a file of its own with a step
 * there and back, and add a folder of golden files.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { decisionReport } from "../contract/decision.ts";
import { heartbeat, heartbeatAnswer } from "../contract/heartbeat.ts";
import { credentialAnswer, credentialRequest, joinRequest, snapshotAck } from "../contract/join.ts";
import { policySnapshot } from "../contract/policy-snapshot.ts";
import { usageAck, usageBatchHeader, usageEvent, usageGap } from "../contract/usage-batch.ts";
import { CONTRACT, CONTRACT_VERSION } from "../contract/versions/contract.ts";
import type { Format, Reading } from "../contract/versions/form.ts";
import { policySnapshotV1, usageEventV1 } from "../contract/versions/v1.ts";
import { heartbeatAnswerV2, heartbeatV2, usageEventV2 } from "../contract/versions/v2.ts";

const VERSIONS = Array.from({ length: CONTRACT_VERSION }, (_, index) => index + 1);

const FORMATS: Readonly<Record<string, Format<unknown>>> = {
  snapshot: CONTRACT.snapshot,
  heartbeat: CONTRACT.heartbeat,
  "heartbeat-answer": CONTRACT.heartbeatAnswer,
  "join-request": CONTRACT.joinRequest,
  "credential-request": CONTRACT.credentialRequest,
  "credential-answer": CONTRACT.credentialAnswer,
  "snapshot-ack": CONTRACT.snapshotAck,
  "snapshot-nack": CONTRACT.snapshotAck,
  "usage-ack": CONTRACT.usageAck,
  "usage-gap": CONTRACT.usageGap,
  "decision-report": CONTRACT.decisionReport,
};
/** The first version that has it, where that is not the first of all. */
const SINCE: Readonly<Record<string, number>> = { "decision-report": 3 };

const NEWEST_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  snapshot: policySnapshot,
  heartbeat,
  "heartbeat-answer": heartbeatAnswer,
  "join-request": joinRequest,
  "credential-request": credentialRequest,
  "credential-answer": credentialAnswer,
  "snapshot-ack": snapshotAck,
  "usage-batch": usageBatchHeader,
  "usage-event": usageEvent,
  "usage-ack": usageAck,
  "usage-gap": usageGap,
};
const SCHEMAS_2: typeof NEWEST_SCHEMAS = {
  ...NEWEST_SCHEMAS,
  heartbeat: heartbeatV2,
  "heartbeat-answer": heartbeatAnswerV2,
  "usage-event": usageEventV2,
};
const SCHEMAS: Readonly<Record<number, typeof NEWEST_SCHEMAS>> = {
  1: { ...SCHEMAS_2, snapshot: policySnapshotV1, "usage-event": usageEventV1 },
  2: SCHEMAS_2,
  3: { ...NEWEST_SCHEMAS, "decision-report": decisionReport },
};

const golden = (version: number, file: string) =>
  new URL(`../contract/golden/v${version}/${file}`, import.meta.url);
const goldenText = (version: number, file: string) => readFileSync(golden(version, file), "utf8");

function readable<T>(reading: Reading<T>): T {
  expect(reading.ok ? [] : reading.issues).toEqual([]);
  if (!reading.ok) throw new Error("not readable");
  return reading.value;
}

test.each(VERSIONS)("documents of version %i are read, and written in it again as they were", (version) => {
  expect(existsSync(golden(version, "snapshot.json")), "golden files of this version").toBe(true);
  for (const [name, format] of Object.entries(FORMATS)) {
    if (version < (SINCE[name] ?? 1)) continue;
    const document = JSON.parse(goldenText(version, `${name}.json`));
    const reading = format.read(document);
    expect(reading, name).toMatchObject({ ok: true, version });
    expect(format.write(readable(reading), version), name).toEqual(document);
  }
});

test.each(VERSIONS)("a usage batch of version %i is read, and written in it again as it was", (version) => {
  const [header, ...lines] = goldenText(version, "usage-batch.ndjson")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const reading = CONTRACT.usageBatch.read(header);
  expect(reading).toMatchObject({ ok: true, version });
  expect(CONTRACT.usageBatch.write(readable(reading), version)).toEqual(header);
  for (const line of lines) {
    const event = readable(CONTRACT.usageEvent.read(line, version));
    expect(usageEvent.parse(event)).toEqual(event);
    expect(CONTRACT.usageEvent.write(event, version)).toEqual(line);
  }
});

test.each(VERSIONS)("the forms of version %i are what they were when it came out", (version) => {
  const shapes = Object.entries(SCHEMAS[version] ?? {}).map(([name, schema]) => [name, shapeOf(schema)]);
  expect(Object.fromEntries(shapes)).toEqual(sorted(JSON.parse(goldenText(version, "shapes.json"))));
});

/** Of each version that is out, over all its golden files: none is ever changed, added or taken away. */
const RELEASED: Readonly<Record<number, string>> = {
  1: "ce37d245f630892556c51c5f889d665ad8afec7e513a329ffd44457a7a59293f",
  2: "5798edb9c8dc7f8f6f7cb00b0146f6740a4c10eecc39152fbfe251e0ebd57625",
};

test.each(VERSIONS.slice(0, -1))(
  "the golden files of version %i are those with which it came out",
  (version) => {
    const hash = createHash("sha256");
    for (const file of readdirSync(golden(version, "")).toSorted())
      hash.update(`${file}\0${goldenText(version, file)}\0`);
    expect(hash.digest("hex")).toBe(RELEASED[version]);
  },
);

test("what states a newer version, another kind or no version where there must be one is refused", () => {
  const snapshot = JSON.parse(goldenText(CONTRACT_VERSION, "snapshot.json"));
  const refusals = [`snapshot/${CONTRACT_VERSION + 1}`, "heartbeat/1", "snapshot/0", "snapshot/x"].map(
    (schema) => CONTRACT.snapshot.read({ ...snapshot, schema: `headgate.${schema}` }),
  );
  const { schema: _, ...unstated } = snapshot;
  for (const refusal of [...refusals, CONTRACT.snapshot.read(unstated), CONTRACT.snapshot.read([snapshot])])
    expect(refusal).toMatchObject({ ok: false });
  expect(refusals[0]).toMatchObject({ issues: [{ message: expect.stringContaining("newest known here") }] });
});

/** A schema as JSON Schema: the same for the same form, in whatever order its members are written down. */
function shapeOf(schema: z.ZodType): unknown {
  const { $schema: _, ...shape } = z.toJSONSchema(schema, { unrepresentable: "any" });
  return sorted(JSON.parse(JSON.stringify(shape)));
}

function sorted(shape: unknown): unknown {
  return JSON.parse(JSON.stringify(shape, (key, value) => (key === "required" ? [...value].sort() : value)));
}

import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { heartbeat } from "../contract/heartbeat.ts";
import { ID_PREFIXES, type IdKind, isId } from "../contract/ids.ts";
import { policySnapshot } from "../contract/policy-snapshot.ts";
import { usageBatchHeader, usageEvent } from "../contract/usage-batch.ts";
import { CONTRACT } from "../contract/versions/contract.ts";
import {
  encodeUsageBatch,
  makeHeartbeat,
  makeId,
  makeModelSubject,
  makePolicySnapshot,
  makeUsageBatch,
  makeUsageEvent,
} from "./index.ts";

test("every factory's default is valid by its schema and unchanged by parsing", () => {
  const documents = [
    [policySnapshot, makePolicySnapshot()],
    [usageEvent, makeUsageEvent()],
    [usageBatchHeader, makeUsageBatch().header],
    [heartbeat, makeHeartbeat()],
  ] as const;
  for (const [schema, document] of documents) expect(schema.parse(document)).toEqual(document);
});

test("an override replaces exactly the member it names", () => {
  expect(makeUsageEvent({ subject: makeModelSubject({ vendor: "other" }) }).subject.vendor).toBe("other");
  expect(makePolicySnapshot({ agents: [] }).agents).toEqual([]);
  expect(makeHeartbeat({ state: "draining" }).state).toBe("draining");
});

test("ids of every kind are valid, unique and in order", () => {
  const kinds = Object.keys(ID_PREFIXES) as IdKind[];
  for (const kind of kinds) expect(isId(kind, makeId(kind))).toBe(true);
  const ids = Array.from({ length: 2_000 }, () => makeId("agent"));
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.toSorted()).toEqual(ids);
});

test("two snapshots share no tenant, agent or key handle", () => {
  const [first, second] = [makePolicySnapshot(), makePolicySnapshot()];
  expect(first.tenant_id).not.toBe(second.tenant_id);
  expect(first.agents[0]?.id).not.toBe(second.agents[0]?.id);
  expect(first.keys[0]?.handle).not.toBe(second.keys[0]?.handle);
});

test("a made snapshot refers only to things in it", () => {
  const snapshot = makePolicySnapshot();
  const has = (rows: { id: string }[], id: string) => rows.some((row) => row.id === id);
  for (const key of snapshot.keys) expect(has(snapshot.agents, key.agent_id)).toBe(true);
  for (const route of snapshot.routes) {
    expect(has(snapshot.models, route.model_id)).toBe(true);
    for (const target of route.targets) expect(has(snapshot.providers, target.provider_id)).toBe(true);
  }
});

test("a batch's header fits its lines, also in the middle of a stream", () => {
  const batch = makeUsageBatch({
    firstSeq: 7,
    events: [
      makeUsageEvent({ usage: { request: 1 } }),
      makeUsageEvent({ usage: { request: 1, cache_read: 5 } }),
    ],
    totalsBefore: { request: "9007199254740993" },
  });
  expect(batch.events.map((event) => event.seq)).toEqual([7, 8]);
  expect(batch.header).toMatchObject({ first_seq: 7, last_seq: 8, count: 2 });
  expect(batch.header.totals).toEqual({ request: "9007199254740995", cache_read: "5" });
  const [headerLine = "", ...lines] = gunzipSync(encodeUsageBatch(batch))
    .toString("utf8")
    .trimEnd()
    .split("\n");
  expect(CONTRACT.usageBatch.read(JSON.parse(headerLine))).toMatchObject({ ok: true, value: batch.header });
  expect(lines.map((line) => usageEvent.parse(JSON.parse(line)))).toEqual(batch.events);
  expect(
    createHash("sha256")
      .update(lines.map((line) => `${line}\n`).join(""))
      .digest("hex"),
  ).toBe(batch.header.sha256);
});

import { expect, test } from "vitest";
import type { z } from "zod";
import { heartbeat, heartbeatAnswer } from "../contract/heartbeat.ts";
import { credentialAnswer, credentialRequest, joinRequest, snapshotAck } from "../contract/join.ts";
import { policySnapshot } from "../contract/policy-snapshot.ts";
import { usageAck, usageBatchHeader, usageEvent, usageGap } from "../contract/usage-batch.ts";
import { makeHeartbeat, makeId, makePolicySnapshot, makeUsageBatch, makeUsageEvent } from "./index.ts";

const publicKey = { kty: "OKP", crv: "Ed25519", x: "a".repeat(43) } as const;

/** Each with every optional object filled in, so that the walk below meets all levels. */
const DOCUMENTS: Record<string, { schema: z.ZodType; document: object }> = {
  policySnapshot: { schema: policySnapshot, document: fullSnapshot() },
  usageEvent: { schema: usageEvent, document: makeUsageEvent() },
  usageBatchHeader: { schema: usageBatchHeader, document: makeUsageBatch().header },
  heartbeat: { schema: heartbeat, document: makeHeartbeat() },
  heartbeatAnswer: {
    schema: heartbeatAnswer,
    document: {
      latest_revision: 1,
      server_time: 1,
      live_replicas: 1,
      budgets: { version: 1, more: false, spent: [{ key: "bud_1", amount: "1" }] },
    },
  },
  usageAck: { schema: usageAck, document: { acked_seq: 1 } },
  usageGap: { schema: usageGap, document: { code: "usage.gap", expected_seq: 1 } },
  joinRequest: {
    schema: joinRequest,
    document: {
      token: `hgj_${"a".repeat(40)}`,
      service_account_token: "a.b.c",
      signing_key: publicKey,
      encryption_key: { ...publicKey, crv: "X25519" },
      version: "0.1.0",
    },
  },
  credentialRequest: { schema: credentialRequest, document: { assertion: "a.b.c" } },
  credentialAnswer: {
    schema: credentialAnswer,
    document: {
      data_plane_id: makeId("dataPlane"),
      replica_id: makeId("replica"),
      tenant_id: makeId("tenant"),
      region: "local",
      credential: "a.b.c",
      expires_at: 1,
      snapshot_keys: [{ key_id: makeId("signingKey"), public_key: publicKey }],
    },
  },
  ack: { schema: snapshotAck, document: { ok: true, revision: 1, instance_id: makeId("instance") } },
  nack: {
    schema: snapshotAck,
    document: { ok: false, revision: 1, instance_id: makeId("instance"), errors: ["no"] },
  },
};

const OPTIONAL = new Set(["service_account_token"]);

/** Maps whose keys are data: an unknown name is an entry, not a mistake. */
const OPEN_MAPS = new Set(["usage", "totals", "conditions"]);

for (const [name, { schema, document }] of Object.entries(DOCUMENTS)) {
  test(`${name}: an unknown member is refused at every level`, () => {
    expect(schema.safeParse(document).error?.issues ?? []).toEqual([]);
    for (const path of objectPaths(document)) {
      const changed = structuredClone(document);
      Object.assign(at(changed, path), { surprise: 1 });
      expect(schema.safeParse(changed).success, `at ${path.join(".") || "the top"}`).toBe(false);
    }
  });

  test(`${name}: each required member is required`, () => {
    for (const member of Object.keys(document).filter((key) => !OPTIONAL.has(key))) {
      const { [member as keyof typeof document]: _, ...rest } = document;
      expect(schema.safeParse(rest).success, `without ${member}`).toBe(false);
    }
  });
}

function fullSnapshot() {
  const match = { agent_ids: [makeId("agent")], models: ["fast"], labels: { team: ["search"] } };
  return makePolicySnapshot({
    limits: [
      {
        id: makeId("limit"),
        name: "requests",
        metric: "requests",
        max: 1,
        window_seconds: 1,
        match,
        per: ["agent"],
      },
      { id: makeId("limit"), name: "concurrency", metric: "concurrency", max: 1, match, per: [] },
    ],
    budgets: [
      {
        id: makeId("budget"),
        name: "daily",
        unit: "tokens",
        max: "10",
        window: "day",
        hold: "expected",
        match,
        per: [],
      },
    ],
  });
}

type Path = readonly (string | number)[];

function objectPaths(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => objectPaths(item, [...path, index]));
  const inner = Object.entries(value).flatMap(([key, item]) =>
    OPEN_MAPS.has(key) ? [] : objectPaths(item, [...path, key]),
  );
  return [path, ...inner];
}

function at(root: object, path: Path): object {
  let value: unknown = root;
  for (const step of path) value = (value as Record<string | number, unknown>)[step];
  if (typeof value !== "object" || value === null) throw new TypeError("the path ends in no object");
  return value;
}

/** A tenant's data plane as the control plane knows one: a token, keys, a credential, batches of usage. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import type { TestTenant } from "@headgate/control-plane/testing";
import {
  CONTRACT,
  CONTRACT_HEADER,
  CONTRACT_VERSION,
  DATA_PLANE_API,
  type Id,
  JOIN_TOKEN_LIFETIME_MS,
  type UsageEvent,
} from "@headgate/sdk/contract";
import { encodeUsageBatch, makeUsageBatch, type UsageBatch } from "@headgate/sdk/testing";
import type { TestDatabase } from "../../harness/database.ts";
import type { Platform } from "./platform.ts";

const READS_NEWEST = { [CONTRACT_HEADER]: String(CONTRACT_VERSION) };

/** Puts a join token where the provisioner would have: the database knows its hash alone. */
export async function issueToken(
  database: TestDatabase,
  { id, dataPlaneId }: Pick<TestTenant, "id" | "dataPlaneId">,
  now: number,
): Promise<string> {
  const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  const token = `hgj_${Array.from(randomBytes(40), (byte) => alphabet.charAt(byte % 58)).join("")}`;
  await database.query(
    "INSERT INTO join_tokens (tenant_id, hash, data_plane_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
    [id, createHash("sha256").update(token).digest("hex"), dataPlaneId, now, now + JOIN_TOKEN_LIFETIME_MS],
  );
  return token;
}

/** Joins with fresh keys. */
export async function join({ server }: Platform, token: string) {
  const signing_key = publicJwk(generateKeyPairSync("ed25519"));
  const encryption_key = publicJwk(generateKeyPairSync("x25519"));
  const response = await server.app.inject({
    method: "POST",
    url: DATA_PLANE_API.join,
    headers: READS_NEWEST,
    payload: { token, signing_key, encryption_key, version: "test" },
  });
  return { status: response.statusCode, body: response.json(), signingKey: signing_key };
}

/** Sends one batch; every answer is given back as it is. */
export type Ship = (batch: UsageBatch) => Promise<{ status: number; body: Record<string, unknown> }>;

export async function joinedShipper(platform: Platform, tenant: TestTenant): Promise<Ship> {
  const { body } = await join(
    platform,
    await issueToken(platform.database, tenant, platform.server.clock.wallMs()),
  );
  const answer = CONTRACT.credentialAnswer.read(body);
  if (!answer.ok) throw new Error(JSON.stringify(body));
  const { credential } = answer.value;
  return async (batch) => {
    const response = await platform.server.app.inject({
      method: "POST",
      url: DATA_PLANE_API.usage,
      headers: {
        ...READS_NEWEST,
        authorization: `Bearer ${credential}`,
        "content-type": "application/x-ndjson",
        "content-encoding": "gzip",
      },
      payload: Buffer.from(encodeUsageBatch(batch)),
    });
    return { status: response.statusCode, body: response.json() };
  };
}

/** Cuts events into batches of `size`, as one stream. */
export function streamOf(
  streamId: Id<"stream">,
  events: readonly UsageEvent[],
  { size, writerEpoch = 1 }: { size: number; writerEpoch?: number },
): UsageBatch[] {
  const batches: UsageBatch[] = [];
  for (let start = 0; start < events.length; start += size) {
    batches.push(
      makeUsageBatch({
        events: events.slice(start, start + size),
        firstSeq: start + 1,
        totalsBefore: batches.at(-1)?.header.totals ?? {},
        header: { stream_id: streamId, writer_epoch: writerEpoch },
      }),
    );
  }
  return batches;
}

/** The seqs at which a stream's raw batches and its watermark disagree. Must give no row at any moment. */
export const CONTIGUITY = `
  SELECT stream_id, seq FROM (
    SELECT tenant_id, stream_id, generate_series(1, acked_seq) AS seq, 1 AS acked, 0 AS kept FROM usage_streams
    UNION ALL
    SELECT tenant_id, stream_id, generate_series(first_seq, last_seq), 0, 1 FROM usage_batches
  ) AS told GROUP BY tenant_id, stream_id, seq HAVING sum(acked) <> 1 OR sum(kept) <> 1`;

function publicJwk({ publicKey }: { publicKey: KeyObject }) {
  return publicKey.export({ format: "jwk" });
}

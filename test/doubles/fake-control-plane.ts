/**
 * A control plane for one data plane, in memory: join, credential, snapshot (signed, secrets sealed), change events,
 * verdicts, heartbeats and usage, as the contract has them. With it a data plane runs without a database.
 */
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { gunzipSync } from "node:zlib";
import {
  ASSERTION_AUDIENCE,
  type CredentialAnswer,
  credentialRequest,
  DATA_PLANE_API,
  DATA_PLANE_CREDENTIAL_LIFETIME_MS,
  type ErrorCode,
  errorRow,
  type Heartbeat,
  heartbeat,
  type Id,
  idOf,
  joinRequest,
  SNAPSHOT_KEY_ID_HEADER,
  SNAPSHOT_SIGNATURE_HEADER,
  type SnapshotAck,
  snapshotAck,
  type UsageEvent,
  usageBatchHeader,
  usageEvent,
} from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { decodeJwt, importJWK, type JWK, jwtVerify, SignJWT } from "jose";
import { type PlainPolicy, sealPolicy } from "../fixtures/plain-policy.ts";

export interface FakeControlPlaneOptions {
  readonly policy: PlainPolicy;
  /** `keep` checks every event of a batch and keeps it; `acknowledge` reads no further than the header. */
  readonly usage: "keep" | "acknowledge";
  /** As on a cluster: any number of replicas join, each with the join token and this ServiceAccount token. */
  readonly serviceAccountToken?: string;
}

export interface FakeControlPlane extends AsyncDisposable {
  readonly url: string;
  readonly joinToken: string;
  /** Every event received, when usage is kept; each once, in the order of its stream. */
  readonly usage: readonly UsageEvent[];
  /** The last word of each replica, by its id. */
  readonly heartbeats: ReadonlyMap<string, Heartbeat>;
  /** Replaces the policy and tells the data plane; returns the new revision. */
  publish(policy: PlainPolicy): number;
  /** The verdict on a revision, as soon as there is one. */
  verdict(revision: number): Promise<SnapshotAck>;
}

/** Listens on a free port of the loopback interface. */
export async function startFakeControlPlane(options: FakeControlPlaneOptions): Promise<FakeControlPlane> {
  const state = createState(options);
  const server = createServer((request, response) => {
    answer(state, request, response).catch((error: unknown) => {
      if (error instanceof Refusal) refuse(response, error);
      else response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });
  const url = await listen(server);
  return {
    url,
    joinToken: state.joinToken,
    usage: state.usage,
    heartbeats: state.heartbeats,
    publish(policy) {
      state.policy = policy;
      state.revision += 1;
      state.built.clear();
      for (const listener of state.listeners) tellRevision(listener, state.revision);
      return state.revision;
    },
    verdict(revision) {
      const known = state.verdicts.find((verdict) => verdict.revision === revision);
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve) => {
        state.waiting.push({ revision, resolve });
      });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

type State = ReturnType<typeof createState>;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

function createState({ policy, usage, serviceAccountToken }: FakeControlPlaneOptions) {
  return {
    tenantId: makeId("tenant"),
    dataPlaneId: makeId("dataPlane"),
    serviceAccountToken,
    signingKeyId: makeId("signingKey"),
    snapshotKeys: generateKeyPairSync("ed25519"),
    credentialKeys: generateKeyPairSync("ed25519"),
    pepper: randomBytes(32),
    joinToken: `hgj_${base58(40)}`,
    replicas: new Map<string, { signing: JWK; encryption: JWK }>(),
    heartbeats: new Map<string, Heartbeat>(),
    usedAssertions: new Set<string>(),
    policy,
    revision: 1,
    built: new Map<string, Promise<Buffer>>(),
    verdicts: [] as SnapshotAck[],
    waiting: [] as { revision: number; resolve(verdict: SnapshotAck): void }[],
    listeners: new Set<ServerResponse>(),
    keepUsage: usage === "keep",
    usage: [] as UsageEvent[],
    ackedSeq: new Map<Id<"stream">, number>(),
    writerEpochs: new Map<Id<"stream">, number>(),
  };
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? "/", "http://fixture").pathname;
  const body = await readAll(request);
  switch (path) {
    case DATA_PLANE_API.join:
      return send(response, 200, await join(state, body));
    case DATA_PLANE_API.credential:
      return send(response, 200, await renew(state, body));
    default:
  }
  const replicaId = await checkCredential(state, request.headers.authorization ?? "");
  switch (path) {
    case DATA_PLANE_API.snapshot:
      return sendSnapshot(state, replicaId, { request, response });
    case DATA_PLANE_API.snapshotEvents:
      return listenForRevisions(state, response);
    case DATA_PLANE_API.snapshotAck:
      return takeVerdict(state, body, response);
    case DATA_PLANE_API.heartbeat:
      state.heartbeats.set(replicaId, heartbeat.parse(JSON.parse(body.toString())));
      return send(response, 200, {
        latest_revision: state.revision,
        server_time: Date.now(),
        live_replicas: Math.max(1, liveReplicas(state)),
      });
    case DATA_PLANE_API.usage:
      return takeUsage(state, body, response);
    default:
      throw new Refusal("api.not_found");
  }
}

function liveReplicas({ heartbeats }: State): number {
  return [...heartbeats.values()].filter(
    (one) => one.state !== "stopped" && Date.now() - one.sent_at < 15_000,
  ).length;
}

async function join(state: State, body: Buffer): Promise<CredentialAnswer> {
  const request = joinRequest.parse(JSON.parse(body.toString()));
  const spent = state.serviceAccountToken === undefined && state.replicas.size > 0;
  if (
    spent ||
    request.token !== state.joinToken ||
    request.service_account_token !== state.serviceAccountToken
  )
    throw new Refusal("join.invalid_token");
  const keys = { signing: request.signing_key, encryption: request.encryption_key };
  const same = [...state.replicas].find(([, { signing }]) => signing.x === keys.signing.x)?.[0];
  const replicaId = same ?? makeId("replica");
  state.replicas.set(replicaId, keys);
  return credential(state, replicaId);
}

async function renew(state: State, body: Buffer): Promise<CredentialAnswer> {
  const { assertion } = credentialRequest.parse(JSON.parse(body.toString()));
  const replicaId = String(decodeJwt(assertion).iss);
  const replica = state.replicas.get(replicaId);
  if (replica === undefined) throw new Refusal("join.invalid_assertion");
  const { payload } = await jwtVerify(assertion, await importJWK(replica.signing, "EdDSA"), {
    issuer: replicaId,
    subject: replicaId,
    audience: ASSERTION_AUDIENCE,
    maxTokenAge: "60s",
  });
  if (payload.jti === undefined || state.usedAssertions.has(payload.jti))
    throw new Refusal("join.invalid_assertion");
  state.usedAssertions.add(payload.jti);
  return credential(state, replicaId);
}

async function credential(state: State, replicaId: string): Promise<CredentialAnswer> {
  const expiresAt = Date.now() + DATA_PLANE_CREDENTIAL_LIFETIME_MS;
  const jwt = await new SignJWT({ tenant: state.tenantId, region: REGION })
    .setProtectedHeader({ alg: "EdDSA" })
    .setSubject(replicaId)
    .setExpirationTime(Math.floor(expiresAt / 1000))
    .sign(state.credentialKeys.privateKey);
  const { x } = state.snapshotKeys.publicKey.export({ format: "jwk" });
  return {
    data_plane_id: state.dataPlaneId,
    replica_id: idOf("replica").parse(replicaId),
    tenant_id: state.tenantId,
    region: REGION,
    credential: jwt,
    expires_at: expiresAt,
    snapshot_keys: [
      {
        key_id: state.signingKeyId,
        public_key: { kty: "OKP", crv: "Ed25519", x: String(x) },
      },
    ],
  };
}

/** Whose it is. */
async function checkCredential(state: State, authorization: string): Promise<string> {
  const jwt = authorization.startsWith("Bearer ") ? authorization.slice(7) : "";
  const verified = await jwtVerify(jwt, state.credentialKeys.publicKey).catch(() => undefined);
  const replicaId = verified?.payload.sub;
  if (replicaId === undefined || !state.replicas.has(replicaId)) throw new Refusal("api.unauthenticated");
  return replicaId;
}

async function sendSnapshot(state: State, replicaId: string, { request, response }: Exchange): Promise<void> {
  const etag = `"${state.revision}"`;
  if (request.headers["if-none-match"] === etag) {
    response.writeHead(304, { etag }).end();
    return;
  }
  const built = state.built.get(replicaId) ?? buildSnapshot(state, replicaId);
  state.built.set(replicaId, built);
  const bytes = await built;
  response.writeHead(200, {
    "content-type": "application/json",
    etag,
    [SNAPSHOT_KEY_ID_HEADER]: state.signingKeyId,
    [SNAPSHOT_SIGNATURE_HEADER]: sign(null, bytes, state.snapshotKeys.privateKey).toString("base64url"),
  });
  response.end(bytes);
}

function buildSnapshot(
  { replicas, policy, pepper, revision, ...state }: State,
  replicaId: string,
): Promise<Buffer> {
  const joined = replicas.get(replicaId);
  if (joined === undefined) throw new Error("no such replica has joined");
  const identity = { tenant_id: state.tenantId, data_plane_id: state.dataPlaneId, region: REGION, revision };
  return sealPolicy({ policy, identity, pepper, encryptionKey: joined.encryption });
}

function listenForRevisions(state: State, response: ServerResponse): void {
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
  });
  state.listeners.add(response);
  response.on("close", () => state.listeners.delete(response));
  tellRevision(response, state.revision);
}

function tellRevision(response: ServerResponse, revision: number): void {
  response.write(`event: revision\ndata: ${JSON.stringify({ revision })}\n\n`);
}

function takeVerdict(state: State, body: Buffer, response: ServerResponse): void {
  const verdict = snapshotAck.parse(JSON.parse(body.toString()));
  state.verdicts.push(verdict);
  for (const waiter of state.waiting) if (waiter.revision === verdict.revision) waiter.resolve(verdict);
  send(response, 200, {});
}

/** Batches must continue their stream; what was acknowledged before is acknowledged again and not kept twice. */
function takeUsage(state: State, body: Buffer, response: ServerResponse): void {
  const text = gunzipSync(body).toString();
  const headerEnd = text.indexOf("\n");
  const header = usageBatchHeader.parse(JSON.parse(text.slice(0, headerEnd)));
  if (header.writer_epoch < (state.writerEpochs.get(header.stream_id) ?? 0))
    throw new Refusal("usage.fenced");
  state.writerEpochs.set(header.stream_id, header.writer_epoch);
  const acked = state.ackedSeq.get(header.stream_id) ?? 0;
  if (header.first_seq > acked + 1) {
    send(response, 409, { code: "usage.gap", expected_seq: acked + 1 });
    return;
  }
  if (state.keepUsage) {
    const lines = text.slice(headerEnd + 1);
    if (createHash("sha256").update(lines).digest("hex") !== header.sha256)
      throw new Refusal("usage.invalid_batch");
    const events = lines
      .trimEnd()
      .split("\n")
      .map((line) => usageEvent.parse(JSON.parse(line)));
    state.usage.push(...events.filter((event) => event.seq > acked));
  }
  const ackedSeq = Math.max(acked, header.last_seq);
  state.ackedSeq.set(header.stream_id, ackedSeq);
  send(response, 200, { acked_seq: ackedSeq });
}

const REGION = "local";

class Refusal extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode) {
    super(code);
    this.code = code;
  }
}

function refuse(response: ServerResponse, { code }: Refusal): void {
  const row = errorRow(code);
  send(response, row.status, { error: { code, message: row.text } });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the fake control plane has no port");
  return `http://127.0.0.1:${address.port}`;
}

function base58(length: number): string {
  const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join("");
}

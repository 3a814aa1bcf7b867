/**
 * A control plane for one data plane, in memory: join, credential, snapshot (signed, secrets sealed), change events,
 * verdicts, heartbeats and usage, as the contract has them. With it a data plane runs without a database. What it was
 * asked is kept, what it serves can be spoiled, and it can go away and come back.
 */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import {
  etagOf,
  makeSealedSnapshot,
  makeSigningKey,
  type SigningKey,
  signDocument,
  signSnapshot,
} from "@headgate/data-plane/testing";
import {
  ASSERTION_AUDIENCE,
  CONTRACT,
  CONTRACT_HEADER,
  type Contract,
  type CredentialAnswer,
  DATA_PLANE_API,
  DATA_PLANE_CREDENTIAL_LIFETIME_MS,
  type Format,
  type Heartbeat,
  type Id,
  idOf,
  type JoinRequest,
  type PolicySnapshot,
  SNAPSHOT_KEY_ID_HEADER,
  SNAPSHOT_SIGNATURE_HEADER,
  type SnapshotAck,
  statedVersion,
  type UsageEvent,
} from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { decodeJwt, importJWK, jwtVerify } from "jose";
import { type PlainPolicy, sealPolicy } from "../../fixtures/plain-policy.ts";
import { Refusal } from "./refusal.ts";
import { createUsageIntake } from "./usage-intake.ts";

export interface FakeControlPlaneOptions {
  /** What it serves as revision 1; nothing when absent. */
  readonly policy?: PlainPolicy;
  /** `keep` checks every event of a batch and keeps it; `acknowledge`, when absent, reads no further than the header. */
  readonly usage?: "keep" | "acknowledge";
  /** As on a cluster: any number of replicas join, each with the join token and this ServiceAccount token. */
  readonly serviceAccountToken?: string;
}

export interface SeenRequest {
  readonly path: string;
  readonly status: number;
  /** Undefined where it was no JSON object. */
  readonly body: unknown;
  /** The version of the contract that it states. */
  readonly reads: number | undefined;
}

export interface FakeControlPlane extends AsyncDisposable {
  readonly url: string;
  readonly owner: Pick<CredentialAnswer, "tenant_id" | "data_plane_id" | "region">;
  readonly joinToken: string;
  /** What it reads and writes; the code's own at first. Version 1 had no header to state it. */
  contract: Contract;
  /** The replica that has joined last. */
  readonly replicaId: Id<"replica">;
  readonly signingKey: SigningKey;
  /** What is trusted and told at joining and renewal; the signing key alone at first. */
  trusted: readonly SigningKey[];
  /** How long a credential is said to live. */
  credentialLifetimeMs: number;
  /** What heartbeats are answered with. `liveReplicas`: as many as have sent one of late, unless told. */
  latestRevision: number;
  liveReplicas: number | undefined;
  readonly seen: readonly SeenRequest[];
  /** The first request that fits, past or to come, from place `from` of `seen` on. */
  received(fits: (request: SeenRequest) => boolean, from?: number): Promise<SeenRequest>;
  /** Every event received, when usage is kept; each once, in the order of its stream. */
  readonly usage: readonly UsageEvent[];
  /** The last word of each replica, by its id. */
  readonly heartbeats: ReadonlyMap<string, Heartbeat>;
  /** Replaces the policy and tells the data plane; returns the new revision. */
  publish(policy: PlainPolicy): number;
  /** A valid snapshot for the replica that has joined last. */
  makeSnapshot(overrides?: Partial<PolicySnapshot>): Promise<PolicySnapshot>;
  /** Serves exactly this to every replica, signed as it ought to be unless it brings a signature. */
  serve(snapshot: SignedSnapshot | PolicySnapshot, hint?: "hinted" | "silent"): void;
  /** The verdict on a revision, as soon as there is one. */
  verdict(revision: number): Promise<SnapshotAck>;
  /** No credential that was given out so far is good any longer. */
  expireCredentials(): void;
  /** Neither credentials nor keys are known any longer: whoever wants to go on joins again. */
  forgetReplicas(): void;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
}

export type SignedSnapshot = ReturnType<typeof signSnapshot>;

/** Listens on a free port of the loopback interface. */
export async function startFakeControlPlane(
  options: FakeControlPlaneOptions = {},
): Promise<FakeControlPlane> {
  const { serviceAccountToken } = options;
  const signingKey = makeSigningKey();
  const replicas = new Map<Id<"replica">, JoinRequest>();
  const credentials = new Map<string, Id<"replica">>();
  const assertions = new Set<string>();
  const heartbeats = new Map<string, Heartbeat>();
  const listeners = new Set<ServerResponse>();
  const seen: SeenRequest[] = [];
  const watchers = new Set<(request: SeenRequest) => void>();
  const usage = createUsageIntake(options.usage === "keep");
  let tokenSpent = false;
  let replicaId = makeId("replica");
  let snapshotFor: ((replica: Id<"replica">, version: number) => Promise<SignedSnapshot>) | undefined;

  const hint = (response: ServerResponse) =>
    response.write(`event: revision\ndata: ${JSON.stringify({ revision: fake.latestRevision })}\n\n`);

  const answers: Readonly<Record<string, (call: Call) => unknown>> = {
    [DATA_PLANE_API.join]({ body, version }) {
      const request = documentIn(fake.contract.joinRequest, body);
      if (
        (tokenSpent && serviceAccountToken === undefined) ||
        request.token !== fake.joinToken ||
        request.service_account_token !== serviceAccountToken
      )
        throw new Refusal("join.invalid_token");
      tokenSpent = true;
      const known = [...replicas].find(
        ([
          ,
          {
            signing_key: { x },
          },
        ]) => x === request.signing_key.x,
      )?.[0];
      replicaId = known ?? makeId("replica");
      replicas.set(replicaId, request);
      return fake.contract.credentialAnswer.write(issueCredential(replicaId), version);
    },
    async [DATA_PLANE_API.credential]({ body, version }) {
      const { assertion } = documentIn(fake.contract.credentialRequest, body);
      const replica = idOf("replica").parse(decodeJwt(assertion).iss);
      const keys = replicas.get(replica);
      if (keys === undefined) throw new Refusal("join.invalid_assertion");
      const { payload } = await jwtVerify(assertion, await importJWK(keys.signing_key, "EdDSA"), {
        algorithms: ["EdDSA"],
        audience: ASSERTION_AUDIENCE,
        issuer: replica,
        subject: replica,
        maxTokenAge: 60,
        requiredClaims: ["jti", "exp", "iat"],
      }).catch(() => ({ payload: undefined }));
      if (payload?.jti === undefined || assertions.has(payload.jti))
        throw new Refusal("join.invalid_assertion");
      assertions.add(payload.jti);
      return fake.contract.credentialAnswer.write(issueCredential(replica), version);
    },
    [DATA_PLANE_API.snapshotEvents]({ response }) {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
      response.write(": welcome\n\n");
      if (snapshotFor !== undefined) hint(response);
      listeners.add(response);
      response.on("close", () => listeners.delete(response));
    },
    async [DATA_PLANE_API.snapshot]({ request, response, version }) {
      if (snapshotFor === undefined) throw new Refusal("api.not_found");
      const snapshot = await snapshotFor(whoseCredential(request), version);
      const etag = etagOf(snapshot);
      if (request.headers["if-none-match"] === etag) {
        response.writeHead(304, { etag }).end();
        return;
      }
      response.writeHead(200, {
        "content-type": "application/json",
        etag,
        [SNAPSHOT_KEY_ID_HEADER]: snapshot.keyId,
        [SNAPSHOT_SIGNATURE_HEADER]: snapshot.signature,
      });
      response.end(snapshot.bytes);
    },
    [DATA_PLANE_API.snapshotAck]: () => ({}),
    [DATA_PLANE_API.heartbeat]({ request, body, version }) {
      heartbeats.set(whoseCredential(request), documentIn(fake.contract.heartbeat, body));
      const live = [...heartbeats.values()].filter(
        (one) => one.state !== "stopped" && Date.now() - one.sent_at < 15_000,
      );
      const told = {
        latest_revision: fake.latestRevision,
        server_time: Date.now(),
        live_replicas: fake.liveReplicas ?? Math.max(1, live.length),
      };
      return fake.contract.heartbeatAnswer.write(told, version);
    },
    [DATA_PLANE_API.usage]: ({ bytes, version }) => usage.take(bytes, { contract: fake.contract, version }),
  };

  /** Throws when it is nobody's. */
  const whoseCredential = (request: IncomingMessage): Id<"replica"> => {
    const replica = credentials.get((request.headers.authorization ?? "").replace("Bearer ", ""));
    if (replica === undefined) throw new Refusal("api.unauthenticated");
    return replica;
  };

  const issueCredential = (replica: Id<"replica">): CredentialAnswer => {
    const credential = `credential-${makeId("operation")}`;
    credentials.set(credential, replica);
    return {
      ...fake.owner,
      replica_id: replica,
      credential,
      expires_at: Date.now() + fake.credentialLifetimeMs,
      snapshot_keys: fake.trusted.map((key) => key.publicKey),
    };
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname: path } = new URL(request.url ?? "/", "http://fake");
    const bytes = await buffer(request);
    const body: unknown = bytes[0] === OPENING_BRACE ? JSON.parse(bytes.toString()) : undefined;
    const reads = statedVersion(request.headers[CONTRACT_HEADER]?.toString());
    const version = Math.min(fake.contract.version, reads ?? 1);
    if (fake.contract.version > 1) response.setHeader(CONTRACT_HEADER, fake.contract.version);
    try {
      if (path !== DATA_PLANE_API.join && path !== DATA_PLANE_API.credential) whoseCredential(request);
      const make = answers[path];
      if (make === undefined) throw new Refusal("api.not_found");
      const value = await make({ request, response, body, bytes, version });
      if (value !== undefined) send(response, 200, value);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      send(response, error.status, error.body);
    }
    const entry = { path, status: response.statusCode, body, reads };
    seen.push(entry);
    for (const watcher of watchers) watcher(entry);
  };

  let server: Server;
  const listen = async (port: number): Promise<number> => {
    server = createServer((request, response) => {
      answer(request, response).catch((error: unknown) =>
        response.destroy(new Error("spoilt", { cause: error })),
      );
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const goAway = async (): Promise<void> => {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
  const port = await listen(0);

  const fake: FakeControlPlane = {
    url: `http://127.0.0.1:${port}`,
    owner: { tenant_id: makeId("tenant"), data_plane_id: makeId("dataPlane"), region: "local" },
    joinToken: `hgj_${"a".repeat(40)}`,
    get replicaId() {
      return replicaId;
    },
    contract: CONTRACT,
    signingKey,
    trusted: [signingKey],
    credentialLifetimeMs: DATA_PLANE_CREDENTIAL_LIFETIME_MS,
    latestRevision: 0,
    liveReplicas: undefined,
    seen,
    async received(fits, from = 0) {
      const past = seen.slice(from).find(fits);
      if (past !== undefined) return past;
      const { promise, resolve } = Promise.withResolvers<SeenRequest>();
      const watcher = (request: SeenRequest) => {
        if (fits(request)) resolve(request);
      };
      watchers.add(watcher);
      const found = await promise;
      watchers.delete(watcher);
      return found;
    },
    usage: usage.events,
    heartbeats,
    publish(policy) {
      const revision = fake.latestRevision + 1;
      const built = new Map<string, Promise<SignedSnapshot>>();
      snapshotFor = (replica, version) => {
        const which = `${replica} ${version}`;
        const known = built.get(which) ?? build(policy, { revision, version }, keysOf(replica));
        built.set(which, known);
        return known;
      };
      fake.latestRevision = revision;
      for (const listener of listeners) hint(listener);
      return revision;
    },
    makeSnapshot: (overrides) => makeSealedSnapshot(fake.owner, keysOf(replicaId).encryption_key, overrides),
    serve(snapshot, hinted = "hinted") {
      const served = Promise.resolve("bytes" in snapshot ? snapshot : signSnapshot(snapshot, signingKey));
      snapshotFor = () => served;
      if (hinted === "silent") return;
      for (const listener of listeners) listener.write("event: revision\ndata: now\n\n");
    },
    async verdict(revision) {
      const read = (body: unknown) => documentIn(fake.contract.snapshotAck, body);
      const isIt = ({ path, body }: SeenRequest) =>
        path === DATA_PLANE_API.snapshotAck && read(body).revision === revision;
      return read((await fake.received(isIt)).body);
    },
    expireCredentials: () => credentials.clear(),
    forgetReplicas() {
      credentials.clear();
      replicas.clear();
    },
    goAway,
    comeBack: async () => void (await listen(port)),
    async [Symbol.asyncDispose]() {
      if (server.listening) await goAway();
    },
  };
  const keysOf = (replica: Id<"replica">): JoinRequest => {
    const keys = replicas.get(replica);
    if (keys === undefined) throw new Error("no such replica has joined");
    return keys;
  };
  const build = async (
    policy: PlainPolicy,
    { revision, version }: { revision: number; version: number },
    { encryption_key }: JoinRequest,
  ) => {
    const snapshot = await sealPolicy(policy, { ...fake.owner, revision }, encryption_key);
    return signDocument(fake.contract.snapshot.write(snapshot, version), signingKey);
  };

  if (options.policy !== undefined) fake.publish(options.policy);
  return fake;
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Undefined where it is no JSON object. */
  readonly body: unknown;
  readonly bytes: Buffer;
  /** To answer in. */
  readonly version: number;
}

function documentIn<T>(format: Format<T>, body: unknown): T {
  const reading = format.read(body);
  if (!reading.ok) throw new Refusal("api.invalid_input");
  return reading.value;
}

const OPENING_BRACE = 0x7b;

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

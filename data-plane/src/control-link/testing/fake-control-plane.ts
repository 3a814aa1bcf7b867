/** A control plane's side of the data-plane API over real sockets, for tests: it keeps what it was sent. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  ASSERTION_AUDIENCE,
  type CredentialAnswer,
  credentialRequest,
  DATA_PLANE_API,
  type Id,
  type JoinRequest,
  joinRequest,
  type PolicySnapshot,
  SNAPSHOT_KEY_ID_HEADER,
  SNAPSHOT_SIGNATURE_HEADER,
} from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import { importJWK, jwtVerify } from "jose";
import type { ReceivedSnapshot } from "../snapshot/verify-snapshot.ts";
import { etagOf, makeSealedSnapshot, makeSigningKey, type SigningKey, signSnapshot } from "./snapshot-kit.ts";

export interface SeenRequest {
  readonly path: string;
  readonly status: number;
  readonly body: unknown;
}

export interface FakeControlPlane extends AsyncDisposable {
  readonly url: string;
  readonly owner: Pick<CredentialAnswer, "tenant_id" | "data_plane_id" | "region">;
  /** The replica that has joined last. */
  readonly replicaId: Id<"replica">;
  readonly joinToken: string;
  /** The only ServiceAccount token that is good, and with it the join token any number of times; none at first. */
  serviceAccountToken: string | undefined;
  /** What heartbeats are told. */
  liveReplicas: number;
  readonly signingKey: SigningKey;
  /** What is trusted and told at joining and renewal; the signing key alone at first. */
  trusted: SigningKey[];
  /** How long a credential is said to live; 1 h at first. */
  credentialLifetimeMs: number;
  readonly seen: readonly SeenRequest[];
  /** The first request that fits, past or to come, from place `from` of `seen` on. */
  received(fits: (request: SeenRequest) => boolean, from?: number): Promise<SeenRequest>;
  /** A valid snapshot for this data plane, which must have joined. */
  makeSnapshot(overrides?: Partial<PolicySnapshot>): Promise<PolicySnapshot>;
  /** Serves it and hints at it. */
  publish(snapshot: ReceivedSnapshot | PolicySnapshot, hint?: "hinted" | "silent"): void;
  /** What a heartbeat is answered with. */
  latestRevision: number;
  /** No credential that was given out so far is good any longer. */
  expireCredentials(): void;
  /** Neither credentials nor keys are known any longer: whoever wants to go on joins again. */
  forgetReplica(): void;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
}

export async function startFakeControlPlane(): Promise<FakeControlPlane> {
  const owner = { tenant_id: makeId("tenant"), data_plane_id: makeId("dataPlane"), region: "local" };
  const signingKey = makeSigningKey();
  const seen: SeenRequest[] = [];
  const watchers = new Set<(request: SeenRequest) => void>();
  const listeners = new Set<ServerResponse>();
  const credentials = new Set<string>();
  const assertions = new Set<string>();
  let replicaId = makeId("replica");
  let tokenSpent = false;
  let registered: JoinRequest | undefined;
  let published: ReceivedSnapshot | undefined;

  const issue = (): CredentialAnswer => {
    const credential = `credential-${credentials.size}-${makeId("operation")}`;
    credentials.add(credential);
    return {
      ...owner,
      replica_id: replicaId,
      credential,
      expires_at: Date.now() + fake.credentialLifetimeMs,
      snapshot_keys: fake.trusted.map((key) => key.publicKey),
    };
  };

  type Answer = readonly [status: number, body?: unknown];
  const routes: Record<string, (body: unknown) => Answer | Promise<Answer>> = {
    [DATA_PLANE_API.join](body) {
      const request = joinRequest.parse(body);
      const reusable = fake.serviceAccountToken !== undefined;
      if ((tokenSpent && !reusable) || request.token !== fake.joinToken)
        return [401, { error: { code: "join.invalid_token" } }];
      if (request.service_account_token !== fake.serviceAccountToken)
        return [401, { error: { code: "join.invalid_token" } }];
      tokenSpent = true;
      replicaId = makeId("replica");
      registered = request;
      return [200, issue()];
    },
    async [DATA_PLANE_API.credential](body) {
      const { assertion } = credentialRequest.parse(body);
      if (registered === undefined) return [401];
      try {
        const { payload } = await jwtVerify(assertion, await importJWK(registered.signing_key, "EdDSA"), {
          algorithms: ["EdDSA"],
          audience: ASSERTION_AUDIENCE,
          issuer: replicaId,
          subject: replicaId,
          maxTokenAge: 60,
          requiredClaims: ["jti", "exp", "iat"],
        });
        if (assertions.has(String(payload.jti))) return [401];
        assertions.add(String(payload.jti));
        return [200, issue()];
      } catch {
        return [401, { error: { code: "join.invalid_assertion" } }];
      }
    },
    [DATA_PLANE_API.snapshotAck]: () => [204],
    [DATA_PLANE_API.heartbeat]: () => [
      200,
      { latest_revision: fake.latestRevision, server_time: Date.now(), live_replicas: fake.liveReplicas },
    ],
    [DATA_PLANE_API.usage]: () => [200, { acked_seq: 1 }],
  };
  const isOpen = (path: string) => path === DATA_PLANE_API.join || path === DATA_PLANE_API.credential;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? "";
    const text = await readBody(request);
    const body: unknown = text.startsWith("{") ? JSON.parse(text) : text;
    const note = (status: number) => {
      const entry = { path, status, body };
      seen.push(entry);
      for (const watcher of watchers) watcher(entry);
    };
    if (!isOpen(path) && !credentials.has((request.headers.authorization ?? "").replace("Bearer ", ""))) {
      response.writeHead(401).end();
      note(401);
    } else if (path === DATA_PLANE_API.snapshotEvents) {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": welcome\n\n");
      listeners.add(response);
      response.on("close", () => listeners.delete(response));
      note(200);
    } else if (path === DATA_PLANE_API.snapshot) {
      note(sendSnapshot(published, request, response));
    } else {
      const [status, value] = (await routes[path]?.(body)) ?? [404];
      response.writeHead(status, { "content-type": "application/json" });
      response.end(value === undefined ? undefined : JSON.stringify(value));
      note(status);
    }
  };

  let server: Server;
  const listen = async (port: number): Promise<number> => {
    server = createServer((request, response) => {
      answer(request, response).catch(() => response.destroy());
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
    owner,
    get replicaId() {
      return replicaId;
    },
    serviceAccountToken: undefined,
    liveReplicas: 1,
    forgetReplica() {
      credentials.clear();
      registered = undefined;
    },
    joinToken: `hgj_${"a".repeat(40)}`,
    signingKey,
    trusted: [signingKey],
    credentialLifetimeMs: 3_600_000,
    latestRevision: 0,
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
    async makeSnapshot(overrides) {
      if (registered === undefined) throw new Error("nobody has joined");
      return makeSealedSnapshot(owner, registered.encryption_key, overrides);
    },
    publish(snapshot, hint = "hinted") {
      published = "bytes" in snapshot ? snapshot : signSnapshot(snapshot, signingKey);
      if (hint === "silent") return;
      for (const listener of listeners) listener.write("event: revision\ndata: now\n\n");
    },
    expireCredentials: () => credentials.clear(),
    goAway,
    comeBack: async () => void (await listen(port)),
    async [Symbol.asyncDispose]() {
      if (server.listening) await goAway();
    },
  };
  return fake;
}

function sendSnapshot(
  published: ReceivedSnapshot | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): number {
  const etag = published === undefined ? undefined : etagOf(published);
  const status = etag === undefined ? 404 : request.headers["if-none-match"] === etag ? 304 : 200;
  if (published === undefined || etag === undefined || status !== 200) {
    response.writeHead(status).end();
    return status;
  }
  response.writeHead(status, {
    etag,
    "content-type": "application/json",
    [SNAPSHOT_SIGNATURE_HEADER]: published.signature,
    [SNAPSHOT_KEY_ID_HEADER]: published.keyId,
  });
  response.end(published.bytes);
  return status;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

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
  CONTRACT_HEADER,
  DATA_PLANE_API,
  type DecisionReport,
  type Heartbeat,
  type PolicySnapshot,
  type SnapshotAck,
  statedVersion,
  type UsageEvent,
} from "@headgate/sdk/contract";
import type { PlainPolicy } from "../../fixtures/plain-policy.ts";
import { documentIn, Refusal } from "./refusal.ts";
import { createReplicaRegister } from "./replica-register.ts";
import { createRequestLog, type SeenRequest } from "./request-log.ts";
import { type FakeSettings, makeSettings } from "./settings.ts";
import { createSnapshotDesk, type SignedSnapshot } from "./snapshot-desk.ts";
import { createUsageIntake } from "./usage-intake.ts";

export interface FakeControlPlaneOptions {
  /** What it serves as revision 1; nothing when absent. */
  readonly policy?: PlainPolicy;
  /** `keep` checks every event of a batch and keeps it; `acknowledge`, when absent, reads no further than the header. */
  readonly usage?: "keep" | "acknowledge";
  /** As on a cluster: any number of replicas join, each with the join token and this ServiceAccount token. */
  readonly serviceAccountToken?: string;
}

export interface FakeControlPlane extends FakeSettings, AsyncDisposable {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  /** The first request that fits, past or to come, from place `from` of `seen` on. */
  received(fits: (request: SeenRequest) => boolean, from?: number): Promise<SeenRequest>;
  /** Every event received, when usage is kept; each once, in the order of its stream. */
  readonly usage: readonly UsageEvent[];
  /** What it was told of calls that were refused or failed. */
  readonly decisions: readonly DecisionReport[];
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

/** Listens on a free port of the loopback interface. */
export async function startFakeControlPlane(
  options: FakeControlPlaneOptions = {},
): Promise<FakeControlPlane> {
  const settings = makeSettings();
  const replicas = createReplicaRegister(settings, options.serviceAccountToken);
  const snapshots = createSnapshotDesk(settings, replicas);
  const usage = createUsageIntake(options.usage === "keep");
  const log = createRequestLog();
  const decisions: DecisionReport[] = [];
  const heartbeats = new Map<string, Heartbeat>();

  const answers: Readonly<Record<string, (call: Call) => unknown>> = {
    [DATA_PLANE_API.join]: ({ body, version }) => replicas.join(body, version),
    [DATA_PLANE_API.credential]: ({ body, version }) => replicas.renew(body, version),
    [DATA_PLANE_API.snapshotEvents]: ({ response }) => snapshots.listen(response),
    [DATA_PLANE_API.snapshot]: ({ request, response, version }) =>
      snapshots.answer(request, response, version),
    [DATA_PLANE_API.snapshotAck]: () => ({}),
    [DATA_PLANE_API.heartbeat]({ request, body, version }) {
      const beat = documentIn(settings.contract.heartbeat, body);
      heartbeats.set(replicas.whose(request.headers.authorization), beat);
      const live = [...heartbeats.values()].filter(
        (one) => one.state !== "stopped" && Date.now() - one.sent_at < 15_000,
      );
      const told = {
        latest_revision: settings.latestRevision,
        server_time: Date.now(),
        live_replicas: settings.liveReplicas ?? Math.max(1, live.length),
        budgets: usage.spentBeside(beat.stream_id),
      };
      return settings.contract.heartbeatAnswer.write(told, version);
    },
    [DATA_PLANE_API.decisions]({ body }) {
      decisions.push(documentIn(settings.contract.decisionReport, body));
      return {};
    },
    [DATA_PLANE_API.usage]: ({ bytes, version }) =>
      usage.take(bytes, { contract: settings.contract, version }),
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname: path } = new URL(request.url ?? "/", "http://fake");
    const bytes = await buffer(request);
    const body: unknown = bytes[0] === OPENING_BRACE ? JSON.parse(bytes.toString()) : undefined;
    const reads = statedVersion(request.headers[CONTRACT_HEADER]?.toString());
    const version = Math.min(settings.contract.version, reads ?? 1);
    if (settings.contract.version > 1) response.setHeader(CONTRACT_HEADER, settings.contract.version);
    try {
      if (path !== DATA_PLANE_API.join && path !== DATA_PLANE_API.credential)
        replicas.whose(request.headers.authorization);
      const make = answers[path];
      if (make === undefined) throw new Refusal("api.not_found");
      const value = await make({ request, response, body, bytes, version });
      if (value !== undefined) send(response, 200, value);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      send(response, error.status, error.body);
    }
    log.add({ path, status: response.statusCode, body, reads });
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

  // One object holds settings and what is done with them, for a test changes them on it.
  const fake = Object.assign(settings, {
    url: `http://127.0.0.1:${port}`,
    seen: log.seen,
    received: log.received,
    usage: usage.events,
    decisions,
    heartbeats,
    publish: snapshots.publish,
    makeSnapshot: snapshots.makeSnapshot,
    serve: snapshots.serve,
    async verdict(revision: number) {
      const read = (body: unknown) => documentIn(settings.contract.snapshotAck, body);
      const isIt = ({ path, body }: SeenRequest) =>
        path === DATA_PLANE_API.snapshotAck && read(body).revision === revision;
      return read((await log.received(isIt)).body);
    },
    expireCredentials: replicas.expireCredentials,
    forgetReplicas: replicas.forgetReplicas,
    goAway,
    comeBack: async () => void (await listen(port)),
    async [Symbol.asyncDispose]() {
      if (server.listening) await goAway();
    },
  });
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

const OPENING_BRACE = 0x7b;

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

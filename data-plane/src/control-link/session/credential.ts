/**
 * The short-lived credential: renewed at half its life, and whenever the control plane refuses it, by an assertion
 * signed with this replica's own key (RFC 7523). An expired credential is renewed in the same way, so an outage of any
 * length ends by itself.
 */
import { sign } from "node:crypto";
import { backoffMs } from "@headgate/sdk/backoff";
import {
  ASSERTION_AUDIENCE,
  type Contract,
  DATA_PLANE_API,
  DATA_PLANE_CREDENTIAL_LIFETIME_MS,
} from "@headgate/sdk/contract";
import type { RandomFraction } from "../../lib/jitter.ts";
import type { Logger } from "../../lib/logger.ts";
import {
  type ControlClient,
  type ControlRequest,
  type ControlResponse,
  type ControlStream,
  documentIn,
  posting,
} from "../control-client.ts";
import { createOutageLog } from "../outage-log.ts";
import type { Timers } from "../timers.ts";
import type { Identity } from "./identity.ts";
import type { Registration } from "./registration.ts";

export interface Credentials {
  /** Begins to renew. Call it once the data plane has joined. */
  start(): void;
  stop(): void;
  /** Renews now; one renewal runs at a time. Throws when it fails. */
  renew(): Promise<void>;
  /** Like `ControlClient.send`, with the credential; on 401 it is renewed and the request sent once more. */
  authorisedFetch(request: ControlRequest): Promise<ControlResponse>;
  authorisedStream(
    path: string,
    headers: Readonly<Record<string, string>>,
    idleMs: number,
  ): Promise<ControlStream>;
}

export interface CredentialDeps {
  readonly client: ControlClient;
  readonly contract: Contract;
  readonly identity: Identity;
  readonly registration: Registration;
  readonly logger: Logger;
  readonly timers: Timers;
  readonly random: RandomFraction;
  /** Unique at each call. */
  readonly newAssertionId: () => string;
  /** The control plane does not know this replica, or not any more: only joining again can help. */
  readonly onForgotten: () => void;
}

/** There is nothing to prove oneself with before the data plane has joined. */
export class NotJoinedError extends Error {
  readonly code = "not_joined";
}

export function createCredentials(deps: CredentialDeps): Credentials {
  const { client, contract, identity, registration, timers, random } = deps;
  const outage = createOutageLog(deps.logger, "renewing the credential");
  let renewing: Promise<void> | undefined;
  let failures = 0;
  let cancelTimer: (() => void) | undefined;
  let running = false;

  const renew = (): Promise<void> => {
    renewing ??= renewOnce().finally(() => {
      renewing = undefined;
    });
    return renewing;
  };

  const renewOnce = async (): Promise<void> => {
    const registered = registration.current();
    if (registered === undefined) throw new NotJoinedError("not joined yet");
    const { replica_id } = registered;
    const request = () => ({
      assertion: signAssertion(identity, replica_id, client.serverTimeMs(), deps.newAssertionId()),
    });
    const response = await client.send(
      posting(DATA_PLANE_API.credential, contract.credentialRequest, request),
    );
    if (response.status === 401) deps.onForgotten();
    if (response.status !== 200) throw new Error(`renewal was answered with status ${response.status}`);
    const answer = documentIn(contract.credentialAnswer, response);
    if (!(await registration.update(answer))) throw new Error("the credential is another data plane's");
    // The least delay keeps a clock that is far off from renewing without pause.
    if (running) scheduleRenewal(RENEWAL_DELAY_MS_MIN);
  };

  /** At half of the life that is left, as far as can be told. */
  const scheduleRenewal = (delayMsMin: number): void => {
    const leftMs = (registration.current()?.expires_at ?? 0) - client.serverTimeMs();
    schedule(Math.max(delayMsMin, Math.min(leftMs, DATA_PLANE_CREDENTIAL_LIFETIME_MS) / 2));
  };

  const schedule = (delayMs: number): void => {
    cancelTimer?.();
    cancelTimer = timers.after(delayMs, () => void renewOnTime());
  };

  const renewOnTime = async (): Promise<void> => {
    try {
      await renew();
      failures = 0;
      outage.ok();
    } catch (cause) {
      if (!running) return;
      failures += 1;
      outage.failed(cause);
      schedule(backoffMs({ firstMs: 1_000, maxMs: 60_000 }, failures, random()));
    }
  };

  const authorise = async <Answer extends { readonly status: number }>(
    attempt: (headers: { authorization: string }) => Promise<Answer>,
    discard: (answer: Answer) => Promise<void>,
  ): Promise<Answer> => {
    const credential = registration.current()?.credential;
    if (credential === undefined) throw new NotJoinedError("not joined yet");
    const first = await attempt({ authorization: `Bearer ${credential}` });
    if (first.status !== 401) return first;
    await discard(first);
    // Another request may have renewed it while this one was under way.
    if (registration.current()?.credential === credential) await renew();
    return attempt({ authorization: `Bearer ${registration.current()?.credential ?? credential}` });
  };

  return {
    start() {
      running = true;
      scheduleRenewal(0);
    },
    stop() {
      running = false;
      cancelTimer?.();
    },
    renew,
    authorisedFetch: (request) =>
      authorise(
        (headers) => client.send({ ...request, headers: { ...request.headers, ...headers } }),
        async () => undefined,
      ),
    authorisedStream: (path, headers, idleMs) =>
      authorise(
        (authorization) => client.openStream(path, { ...headers, ...authorization }, idleMs),
        async ({ body }) => {
          for await (const _ of body) break;
        },
      ),
  };
}

const ASSERTION_SECONDS = 60;
const RENEWAL_DELAY_MS_MIN = 10_000;

function signAssertion(identity: Identity, replicaId: string, nowMs: number, assertionId: string): string {
  const issuedAt = Math.floor(nowMs / 1_000);
  const claims = {
    iss: replicaId,
    sub: replicaId,
    aud: ASSERTION_AUDIENCE,
    iat: issuedAt,
    exp: issuedAt + ASSERTION_SECONDS,
    jti: assertionId,
  };
  const signed = `${base64url({ alg: "EdDSA", typ: "JWT" })}.${base64url(claims)}`;
  return `${signed}.${sign(null, Buffer.from(signed), identity.signingKey).toString("base64url")}`;
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

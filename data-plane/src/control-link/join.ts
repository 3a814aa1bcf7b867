/**
 * Spends the join token: registers this data plane's public keys and learns whose it is. It is tried until it has
 * worked; a token that was refused is not sent again, a new one is.
 */
import {
  type CredentialAnswer,
  credentialAnswer,
  DATA_PLANE_API,
  JOIN_TOKEN_PATTERN,
  type JoinRequest,
} from "@headgate/sdk/contract";
import type { Logger } from "../lib/logger.ts";
import type { ControlClient } from "./control-client.ts";
import type { Identity } from "./identity.ts";
import { createOutageLog } from "./outage-log.ts";
import type { Registration } from "./registration.ts";
import { backoffMs, type RandomFraction, type Timers } from "./timers.ts";

export interface JoiningDeps {
  readonly client: Pick<ControlClient, "send">;
  readonly identity: Identity;
  readonly registration: Registration;
  readonly joinToken: () => string | undefined;
  readonly version: string;
  readonly onJoined: () => void;
  readonly logger: Logger;
  readonly timers: Timers;
  readonly random: RandomFraction;
}

export function startJoining(deps: JoiningDeps): { stop(): void } {
  const { registration, logger, timers, random } = deps;
  const outage = createOutageLog(logger, "joining");
  let refused: string | undefined;
  let attempts = 0;
  let stopped = false;
  let cancelTimer: (() => void) | undefined;

  const attempt = async (): Promise<void> => {
    try {
      const token = deps.joinToken();
      if (token === undefined || !JOIN_TOKEN_PATTERN.test(token)) throw new Error("there is no join token");
      if (token === refused) throw new Error("the join token was refused; a new one is needed");
      const answer = await spend(token, deps);
      if (answer === undefined) {
        refused = token;
        throw new Error("the join token was refused; a new one is needed");
      }
      // Also when it is too late to begin: the token is spent, and only the registration shows for it.
      await registration.update(answer);
      if (stopped) return;
      outage.ok();
      logger.info({ data_plane_id: answer.data_plane_id, tenant_id: answer.tenant_id }, "joined");
      deps.onJoined();
    } catch (cause) {
      if (stopped) return;
      attempts += 1;
      outage.failed(cause);
      const delayMs = backoffMs(attempts, random, {
        baseMs: 500,
        capMs: 15_000,
      });
      cancelTimer = timers.after(delayMs, () => void attempt());
    }
  };

  void attempt();
  return {
    stop() {
      stopped = true;
      cancelTimer?.();
    },
  };
}

/** Undefined when the token is of no use any more, however often it is sent. */
async function spend(
  token: string,
  { client, identity, version }: JoiningDeps,
): Promise<CredentialAnswer | undefined> {
  const request: JoinRequest = { token, ...identity.publicKeys, version };
  const response = await client.send({
    method: "POST",
    path: DATA_PLANE_API.join,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  if (response.status === 401) return undefined;
  if (response.status !== 200 && response.status !== 201) {
    throw new Error(`joining was answered with status ${response.status}`);
  }
  return credentialAnswer.parse(JSON.parse(response.body.toString("utf8")));
}

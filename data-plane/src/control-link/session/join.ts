/**
 * Joins: registers this replica's public keys and learns whose it is. It is tried until it has worked. A single-use
 * token that was refused is not sent again, a new one is. On a cluster the tokens are read anew for each attempt, since
 * they rotate, and what was refused may be good later.
 */

import { backoffMs } from "@headgate/sdk/backoff";
import {
  type Contract,
  type CredentialAnswer,
  DATA_PLANE_API,
  JOIN_TOKEN_PATTERN,
  type JoinRequest,
} from "@headgate/sdk/contract";
import type { RandomFraction } from "../../lib/jitter.ts";
import type { Logger } from "../../lib/logger.ts";
import { type ControlClient, documentIn, posting } from "../control-client.ts";
import { createOutageLog } from "../outage-log.ts";
import type { Timers } from "../timers.ts";
import type { Identity } from "./identity.ts";
import type { Registration } from "./registration.ts";

export interface JoiningDeps {
  readonly client: Pick<ControlClient, "send">;
  readonly contract: Contract;
  readonly identity: Identity;
  readonly registration: Registration;
  readonly joinToken: () => string | undefined;
  /** Undefined outside of a cluster. */
  readonly serviceAccountToken?: (() => string | undefined) | undefined;
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
      const tokens = tokensOf(deps);
      if (tokens.token === refused) throw new Error("the join token was refused; a new one is needed");
      const answer = await spend(tokens, deps);
      if (answer === undefined) {
        if (tokens.service_account_token === undefined) refused = tokens.token;
        throw new Error("the join token was refused; a new one is needed");
      }
      // Also when it is too late to begin: the token is spent, and only the registration shows for it.
      if (!(await registration.update(answer)))
        throw new Error("what is kept here belongs to another data plane than the one that was joined");
      if (stopped) return;
      outage.ok();
      const { data_plane_id, replica_id, tenant_id } = answer;
      logger.info({ data_plane_id, replica_id, tenant_id }, "joined");
      deps.onJoined();
    } catch (cause) {
      if (stopped) return;
      attempts += 1;
      outage.failed(cause);
      const delayMs = backoffMs({ firstMs: 500, maxMs: 15_000 }, attempts, random());
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

type Tokens = Pick<JoinRequest, "token" | "service_account_token">;

/** Throws where one is missing. */
function tokensOf({ joinToken, serviceAccountToken }: JoiningDeps): Tokens {
  const token = joinToken();
  if (token === undefined) {
    throw new Error("there is no join token: set HEADGATE_JOIN_TOKEN or HEADGATE_JOIN_TOKEN_FILE");
  }
  if (!JOIN_TOKEN_PATTERN.test(token)) {
    throw new Error(
      `the join token is malformed: it must be hgj_ and 40 letters and digits, and has ${token.length} characters`,
    );
  }
  if (serviceAccountToken === undefined) return { token };
  const service_account_token = serviceAccountToken();
  if (service_account_token === undefined) throw new Error("there is no ServiceAccount token");
  return { token, service_account_token };
}

/** Undefined when the tokens were refused. */
async function spend(
  tokens: Tokens,
  { client, contract, identity, version }: JoiningDeps,
): Promise<CredentialAnswer | undefined> {
  const request: JoinRequest = { ...tokens, ...identity.publicKeys, version };
  const response = await client.send(posting(DATA_PLANE_API.join, contract.joinRequest, () => request));
  if (response.status === 401) return undefined;
  if (response.status !== 200 && response.status !== 201) {
    const hint =
      response.status === 404
        ? ": there is no control plane at HEADGATE_CONTROL_PLANE_URL, check its path"
        : "";
    throw new Error(`joining was answered with status ${response.status}${hint}`);
  }
  return documentIn(contract.credentialAnswer, response);
}

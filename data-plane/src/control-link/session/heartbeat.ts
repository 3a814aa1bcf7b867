/**
 * Says every few seconds how this replica is, and hears which revision it should have and how many replicas share the
 * limits.
 */
import {
  type Contract,
  DATA_PLANE_API,
  HEARTBEAT_ANSWER_BYTES_MAX,
  HEARTBEAT_INTERVAL_MS,
  type Heartbeat,
  type HeartbeatAnswer,
} from "@headgate/sdk/contract";
import type { Logger } from "../../lib/logger.ts";
import { documentIn, posting } from "../control-client.ts";
import { createOutageLog } from "../outage-log.ts";
import type { Timers } from "../timers.ts";
import type { Credentials } from "./credential.ts";

export interface HeartbeatDeps {
  readonly credentials: Pick<Credentials, "authorisedFetch">;
  readonly contract: Contract;
  readonly body: () => Heartbeat;
  readonly onAnswer: (answer: HeartbeatAnswer, told: Heartbeat) => void;
  /** What else is told at this pace, and a last time before the last word. Never rejects. */
  readonly alongside: () => Promise<void>;
  readonly logger: Logger;
  readonly timers: Timers;
}

export interface Heartbeats {
  /** Resolves when the first was answered in full, or it is known that it is not. */
  readonly first: Promise<void>;
  /** Stops, and says the last word. Resolves when it was taken, or when it is known that it is not. */
  stopped(): Promise<void>;
  stop(): void;
}

export function startHeartbeat(deps: HeartbeatDeps): Heartbeats {
  const { contract } = deps;
  const outage = createOutageLog(deps.logger, "the heartbeat");
  let stopped = false;
  let cancelTimer: (() => void) | undefined;

  /** True where there is more to hear. */
  const say = async (body: Heartbeat): Promise<boolean> => {
    const response = await deps.credentials.authorisedFetch({
      ...posting(DATA_PLANE_API.heartbeat, contract.heartbeat, () => body),
      timeoutMs: HEARTBEAT_INTERVAL_MS,
      bytesMax: HEARTBEAT_ANSWER_BYTES_MAX,
    });
    if (response.status !== 200) throw new Error(`the heartbeat was answered with status ${response.status}`);
    const answer = documentIn(contract.heartbeatAnswer, response);
    outage.ok();
    if (stopped) return false;
    deps.onAnswer(answer, body);
    return answer.budgets.more;
  };

  const beat = async (): Promise<void> => {
    void deps.alongside();
    try {
      while (await say(deps.body()));
    } catch (cause) {
      if (!stopped) outage.failed(cause);
    }
    if (!stopped) cancelTimer = deps.timers.after(HEARTBEAT_INTERVAL_MS, () => void next());
  };

  let running: Promise<void> | undefined;
  const next = (): Promise<void> => {
    running = beat();
    return running;
  };
  const stop = (): void => {
    stopped = true;
    cancelTimer?.();
  };

  return {
    first: next(),
    stop,
    async stopped() {
      stop();
      // What is under way would else arrive later and take the last word back.
      await running;
      await deps.alongside();
      await say({ ...deps.body(), state: "stopped" }).catch((cause: unknown) => outage.failed(cause));
    },
  };
}

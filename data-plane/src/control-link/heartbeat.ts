/** Says every few seconds how this data plane is, and hears which revision it should have. */
import {
  DATA_PLANE_API,
  HEARTBEAT_INTERVAL_MS,
  type Heartbeat,
  heartbeatAnswer,
} from "@headgate/sdk/contract";
import type { Logger } from "../lib/logger.ts";
import type { Credentials } from "./credential.ts";
import { createOutageLog } from "./outage-log.ts";
import type { Timers } from "./timers.ts";

export interface HeartbeatDeps {
  readonly credentials: Pick<Credentials, "authorisedFetch">;
  readonly body: () => Heartbeat;
  readonly onLatestRevision: (revision: number) => void;
  readonly logger: Logger;
  readonly timers: Timers;
}

export function startHeartbeat(deps: HeartbeatDeps): { stop(): void } {
  const outage = createOutageLog(deps.logger, "the heartbeat");
  let stopped = false;
  let cancelTimer: (() => void) | undefined;

  const beat = async (): Promise<void> => {
    try {
      const response = await deps.credentials.authorisedFetch({
        method: "POST",
        path: DATA_PLANE_API.heartbeat,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(deps.body()),
        timeoutMs: HEARTBEAT_INTERVAL_MS,
      });
      if (response.status !== 200)
        throw new Error(`the heartbeat was answered with status ${response.status}`);
      const answer = heartbeatAnswer.parse(JSON.parse(response.body.toString("utf8")));
      outage.ok();
      deps.onLatestRevision(answer.latest_revision);
    } catch (cause) {
      if (!stopped) outage.failed(cause);
    }
    if (!stopped) cancelTimer = deps.timers.after(HEARTBEAT_INTERVAL_MS, () => void beat());
  };

  void beat();
  return {
    stop() {
      stopped = true;
      cancelTimer?.();
    },
  };
}

/**
 * Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) that say that a revision exists.
 * A lost connection is taken up again after a random while; since a hint may have been missed meanwhile, every
 * connection begins with one.
 */

import { backoffMs } from "@headgate/sdk/backoff";
import { DATA_PLANE_API } from "@headgate/sdk/contract";
import { createParser } from "eventsource-parser";
import type { RandomFraction } from "../../lib/jitter.ts";
import { member, parseJson } from "../../lib/json/member.ts";
import type { Logger } from "../../lib/logger.ts";
import type { ControlStream } from "../control-client.ts";
import { createOutageLog } from "../outage-log.ts";
import type { Credentials } from "../session/credential.ts";
import type { Timers } from "../timers.ts";

export interface SnapshotHintsDeps {
  readonly credentials: Pick<Credentials, "authorisedStream">;
  /** `revision` is undefined where the hint does not tell it. */
  readonly onHint: (revision: number | undefined) => void;
  readonly logger: Logger;
  readonly timers: Timers;
  readonly random: RandomFraction;
}

export function startSnapshotHints(deps: SnapshotHintsDeps): { stop(): void } {
  const { credentials, onHint, timers, random } = deps;
  const outage = createOutageLog(deps.logger, "listening for snapshot hints");
  let stopped = false;
  let attempts = 0;
  let cancelTimer: (() => void) | undefined;

  const listen = async (): Promise<void> => {
    try {
      const stream = await credentials.authorisedStream(
        DATA_PLANE_API.snapshotEvents,
        { accept: "text/event-stream" },
        IDLE_MS_MAX,
      );
      if (stream.status !== 200)
        throw new Error(`snapshot events were answered with status ${stream.status}`);
      outage.ok();
      onHint(undefined);
      for await (const data of eventData(stream)) {
        attempts = 0;
        onHint(revisionIn(data));
      }
    } catch (cause) {
      if (!stopped) outage.failed(cause);
    }
    if (stopped) return;
    attempts += 1;
    cancelTimer = timers.after(
      backoffMs({ firstMs: 500, maxMs: 30_000 }, attempts, random()),
      () => void listen(),
    );
  };

  void listen();
  return {
    stop() {
      stopped = true;
      cancelTimer?.();
    },
  };
}

const IDLE_MS_MAX = 90_000;
const EVENT_CHARS_MAX = 8_192;

/** The data of each event. */
async function* eventData({ body }: ControlStream): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const events: string[] = [];
  const parser = createParser({ maxBufferSize: EVENT_CHARS_MAX, onEvent: ({ data }) => events.push(data) });
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* events.splice(0);
  }
}

function revisionIn(data: string): number | undefined {
  const revision = member(parseJson(data), "revision");
  return typeof revision === "number" ? revision : undefined;
}

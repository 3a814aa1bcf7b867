/** Subscriptions: what comes, as it comes, taken up again where a connection broke. */

import { createParser, type EventSourceMessage } from "eventsource-parser";
import { backoffMs } from "../backoff/index.ts";
import { errorFromData } from "./error-from.ts";
import { HeadgateError } from "./errors.ts";
import { headersOf } from "./headers.ts";
import type { CallOptions, ClientOptions } from "./options.ts";
import { withPatience } from "./patience.ts";
import { pause } from "./pause.ts";

/** The server says something at least every 15 seconds. */
const SILENCE_MS_MAX = 45_000;
const RETRY_MS_MAX = 10_000;
/** More than any event of the API has; a server that never ends one must not fill the memory. */
const EVENT_CHARS_MAX = 1_048_576;

type Watch = (path: string, input: unknown, options?: CallOptions) => AsyncIterable<unknown>;

/**
 * A connection that breaks is made again, from the last event that came, for as long as something comes in between;
 * `retriesMax` failures in a row end it with code `network`. An error of the API ends it at once.
 */
export function createWatcher(options: ClientOptions): Watch {
  const { retriesMax = 2, retryDelayMs = 200, fetch = globalThis.fetch } = options;
  const base = `${options.url.replace(/\/+$/, "")}/trpc`;

  async function* connection(
    target: string,
    lastId: string | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<EventSourceMessage, void> {
    const patience = withPatience(SILENCE_MS_MAX, "the server has fallen silent", signal);
    try {
      const response = await fetch(target, {
        headers: {
          accept: "text/event-stream",
          ...headersOf(options),
          ...(lastId === undefined ? {} : { "last-event-id": lastId }),
        },
        signal: patience.signal,
      });
      const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
      if (!response.ok || !isStream || response.body === null) throw await errorFromData(response);
      const events: EventSourceMessage[] = [];
      const parser = createParser({ maxBufferSize: EVENT_CHARS_MAX, onEvent: (event) => events.push(event) });
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        parser.feed(decoder.decode(value, { stream: true }));
        for (const event of events.splice(0)) {
          patience.renew();
          yield event;
        }
      }
    } finally {
      patience.end();
    }
  }

  return async function* (path, input, { signal } = {}) {
    const query = input === undefined ? "" : `?input=${encodeURIComponent(JSON.stringify(input))}`;
    let lastId: string | undefined;
    let failures = 0;
    for (;;) {
      try {
        for await (const { event = "message", data, id } of connection(
          `${base}/${path}${query}`,
          lastId,
          signal,
        )) {
          failures = 0;
          if (event === "return") return;
          if (event === "serialized-error") throw await errorFromData(JSON.parse(data));
          if (event !== "message") continue;
          lastId = id ?? lastId;
          yield JSON.parse(data);
        }
        // The server ends its streams with a word; without it the connection has broken.
        throw new Error("the connection has ended");
      } catch (failure) {
        if (failure instanceof HeadgateError && failure.code !== "network") throw failure;
        failures += 1;
        if (signal?.aborted === true || failures > retriesMax)
          throw new HeadgateError("network", "No answer came from the control plane.", {
            status: 0,
            retryable: true,
            cause: signal?.aborted === true ? signal.reason : failure,
          });
        const timing = { firstMs: retryDelayMs, maxMs: RETRY_MS_MAX };
        await pause(backoffMs(timing, failures, Math.random()), signal);
      }
    }
  };
}

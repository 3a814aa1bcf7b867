/** Writes a provider's stream to the agent: the head with the first bytes, then every piece as it comes. */
import type { StreamSink } from "../upstream/attempt.ts";
import { answerHeaders } from "./answer-headers.ts";
import type { Exchange } from "./exchange.ts";
import type { Gateway } from "./stage.ts";

export interface StreamSinkOptions {
  readonly gateway: Pick<Gateway, "load">;
  /** Called when the provider has begun to stream: whatever comes, it does answer. */
  onFirstBytes(): void;
}

export function createStreamSink(
  exchange: Exchange,
  { gateway, onFirstBytes }: StreamSinkOptions,
): StreamSink {
  const { response } = exchange;
  return {
    write(bytes) {
      if (!exchange.committed) {
        onFirstBytes();
        exchange.committed = true;
        exchange.statusSent = 200;
        exchange.streaming = true;
        gateway.load.streamsOpen += 1;
        response.writeHead(200, streamHead(exchange));
      }
      return response.write(bytes);
    },
    onDrain(resume) {
      response.once("drain", resume);
    },
  };
}

/** The head of every stream, as name and value pairs. */
export function streamHead(exchange: Exchange): string[] {
  return [
    "content-type",
    "text/event-stream; charset=utf-8",
    "cache-control",
    "no-cache",
    "x-accel-buffering",
    "no",
    ...answerHeaders(exchange),
  ];
}

/** Writes a provider's stream to the agent: the head with the first bytes, then every piece as it comes. */
import type { StreamSink } from "../upstream/attempt.ts";
import { answerHeaders } from "./answer-headers.ts";
import type { Exchange } from "./exchange.ts";
import type { Gateway } from "./stage.ts";

export function createStreamSink(exchange: Exchange, { load }: Gateway): StreamSink {
  const { response } = exchange;
  return {
    write(bytes) {
      if (!exchange.committed) {
        exchange.committed = true;
        exchange.statusSent = 200;
        exchange.streaming = true;
        load.streamsOpen += 1;
        response.writeHead(200, [
          "content-type",
          "text/event-stream; charset=utf-8",
          "cache-control",
          "no-cache",
          "x-accel-buffering",
          "no",
          ...answerHeaders(exchange),
        ]);
      }
      return response.write(bytes);
    },
    onDrain(resume) {
      response.once("drain", resume);
    },
  };
}

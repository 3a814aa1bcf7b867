/** Writes a provider's stream to the agent: the head with the first bytes, then every piece as it comes. */
import type { Exchange } from "../pipeline/exchange.ts";
import type { GatewayLoad } from "../pipeline/stage.ts";
import { answerHeaders } from "../reply.ts";
import type { BreakerPass } from "../upstream/breakers.ts";
import type { Resumable, StreamSink } from "../upstream/streamed-answer.ts";

export class ResponseSink implements StreamSink {
  readonly #exchange: Exchange;
  readonly #load: GatewayLoad;
  readonly #pass: BreakerPass;

  /** `pass` is told when the provider has begun to stream: whatever comes, it does answer. */
  constructor(exchange: Exchange, load: GatewayLoad, pass: BreakerPass) {
    this.#exchange = exchange;
    this.#load = load;
    this.#pass = pass;
  }

  write(bytes: Buffer): boolean {
    const exchange = this.#exchange;
    if (!exchange.committed) {
      this.#pass.succeed();
      exchange.committed = true;
      exchange.statusSent = 200;
      exchange.streaming = true;
      this.#load.streamsOpen += 1;
      exchange.response.writeHead(200, streamHead(exchange));
    }
    return exchange.response.write(bytes);
  }

  onDrain(attempt: Resumable): void {
    this.#exchange.response.once("drain", () => attempt.resume());
  }
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

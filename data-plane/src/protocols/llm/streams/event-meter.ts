/** Reads what a stream tells as its events go by: usage, content, failure, and its end. */
import type { Clock } from "../../../lib/clock.ts";
import type { StreamProgress } from "../../../upstream/streamed-answer.ts";
import type { StreamMeter, UsageReading } from "../../reading.ts";
import type { StreamState } from "../dialects/dialect.ts";
import type { EventStep, StreamEvent } from "./event-steps.ts";

export class EventMeter implements EventStep, StreamMeter, StreamProgress {
  contentEvents = 0;
  firstContentMono: number | undefined;
  complete = false;
  failed = false;
  errorReported = false;
  readonly #state: StreamState;
  readonly #clock: Clock;

  constructor(state: StreamState, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
  }

  passes(event: StreamEvent): boolean {
    if (this.complete) return true;
    event.meaning = this.#state.read(event.name, event.data);
    switch (event.meaning) {
      case "content":
        this.contentEvents += 1;
        this.firstContentMono ??= this.#clock.monotonicMs();
        break;
      case "error":
        this.errorReported = true;
        this.failed = true;
        break;
      case "failed_end":
        this.failed = true;
        this.complete = true;
        break;
      case "end":
        this.complete = true;
        break;
      case "unasked":
      case "other":
    }
    return true;
  }

  usage(): UsageReading | undefined {
    return this.#state.usage();
  }
}

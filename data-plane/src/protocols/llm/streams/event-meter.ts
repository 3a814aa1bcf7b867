/** Reads what a stream tells as its events go by: its beginning, usage, content, failure, and its end. */
import type { Clock } from "../../../lib/clock.ts";
import type { StreamProgress } from "../../../upstream/streamed-answer.ts";
import type { StreamMeter, UsageReading } from "../../reading.ts";
import type { StreamState } from "../dialects/dialect.ts";
import type { EventStep, StreamEvent } from "./event-steps.ts";

export class EventMeter implements EventStep, StreamMeter, StreamProgress {
  contentEvents = 0;
  firstContentMono: number | undefined;
  begun = false;
  complete = false;
  failed = false;
  errorReported = false;
  fault = "";
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
        this.begun ||= !this.failed;
        this.contentEvents += 1;
        this.firstContentMono ??= this.#clock.monotonicMs();
        break;
      case "other":
        this.begun ||= !this.failed;
        break;
      case "error":
        this.#fail(event, true);
        break;
      case "bare_error":
        this.#fail(event, false);
        break;
      case "failed_end":
        this.#fail(event, true);
        this.complete = true;
        break;
      case "end":
        this.complete = true;
        break;
      case "unasked":
      case "quiet":
    }
    return true;
  }

  get whole(): boolean {
    return this.#state.whole();
  }

  #fail({ data }: StreamEvent, told: boolean): void {
    if (!this.failed) this.fault = data;
    this.failed = true;
    this.errorReported ||= told;
  }

  get contentBytes(): number {
    return this.#state.textBytes;
  }

  usage(): UsageReading | undefined {
    return this.#state.usage();
  }
}

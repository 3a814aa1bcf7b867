/** What is done to each event of a stream once it is decoded. */
import type { EventMeaning } from "../../reading.ts";

/** One event. There is one object of it for each stream, filled anew for each event. */
export interface StreamEvent {
  name: string;
  /** Its payload, with each byte as one character (latin1). */
  data: string;
  /** Told by the meter to the steps behind it. */
  meaning: EventMeaning;
}

export interface EventStep {
  /** False leaves the event out; otherwise it goes on to the next step, and to the agent in the bytes it came in. */
  passes(event: StreamEvent): boolean;
}

/** For usage that was asked for on the agent's behalf and that the agent does not expect. */
export const leaveOutUsage: EventStep = { passes: ({ meaning }) => meaning !== "usage_only" };

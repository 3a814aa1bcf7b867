import type { Contract } from "@headgate/sdk/contract";
import type { Clock } from "../lib/clock.ts";
import type { NewId } from "../lib/ids.ts";
import type { Logger } from "../lib/logger.ts";

/** What every part of a data plane is given. */
export interface Surroundings {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  readonly newId: NewId;
  readonly log: Logger;
  readonly contract: Contract;
}

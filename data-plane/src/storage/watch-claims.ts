/** What can be seen of the state directories of others, and since when it has not changed. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isId } from "@headgate/sdk/contract";
import type { Clock } from "../lib/clock.ts";
import { readClaim } from "./claim-file.ts";
import type { ClaimTiming } from "./claim-timing.ts";
import { TAKING } from "./hold-claim.ts";
import { mayHoldStream } from "./ship-left-over.ts";

export interface SeenDirectory {
  readonly name: string;
  /** `unknown` until it was watched for long enough to tell. */
  readonly owner: "alive" | "unknown" | "none";
  /** Nothing in it waits to be shipped, as far as can be told without opening it. */
  readonly settled: boolean;
  /** Since it was seen to change, in milliseconds. */
  readonly quietMs: number;
}

export interface ClaimWatch {
  look(): SeenDirectory[];
}

interface Sight {
  readonly raw: string | undefined;
  readonly since: number;
  readonly changed: boolean;
}

/** Watches all directories under `root` but those that this process holds. */
export function watchClaims(options: {
  root: string;
  clock: Clock;
  timing: ClaimTiming;
  isOwn(name: string): boolean;
}): ClaimWatch {
  const { root, clock, timing } = options;
  let sights = new Map<string, Sight>();

  return {
    look() {
      const now = clock.monotonicMs();
      const next = new Map<string, Sight>();
      const seen: SeenDirectory[] = [];
      for (const name of readdirSync(root)) {
        const taking = name.startsWith(TAKING);
        if (!(taking || isId("instance", name)) || options.isOwn(name)) continue;
        const directory = join(root, name);
        const found = readClaim(directory);
        const before = sights.get(name);
        const same = before !== undefined && before.raw === found?.raw;
        const sight = same ? before : { raw: found?.raw, since: now, changed: before !== undefined };
        next.set(name, sight);
        const claim = found?.claim;
        const quietMs = now - sight.since;
        const released = claim?.state === "released" && !taking;
        seen.push({
          name,
          owner: released || quietMs >= timing.expiryMs ? "none" : sight.changed ? "alive" : "unknown",
          settled: released ? claim.settled : !mayHoldStream(join(directory, "spool")),
          quietMs,
        });
      }
      sights = next;
      return seen;
    },
  };
}

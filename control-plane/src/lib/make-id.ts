import { createIdFactory, type Id, type IdKind } from "@headgate/sdk/contract";
import type { Clock } from "./clock.ts";

/** Uniformly random bytes. */
export type Random = (count: number) => Uint8Array;

/** Makes a new id of a kind. */
export type MakeId = <K extends IdKind>(kind: K) => Id<K>;

export function createMakeId(clock: Clock, random: Random): MakeId {
  return createIdFactory({
    now: () => clock.wallMs(),
    random: (bytes) => {
      bytes.set(random(bytes.length));
      return bytes;
    },
  });
}

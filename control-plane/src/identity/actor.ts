import type { ACTOR_KINDS } from "../db/schema/audit-log.ts";

/** Who did it. `id` is a key's, data plane's or operator's id, or a word for a part of the system. */
export interface Actor {
  readonly kind: (typeof ACTOR_KINDS)[number];
  readonly id: string;
}

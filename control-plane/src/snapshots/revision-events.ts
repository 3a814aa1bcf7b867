/** Tells the open event streams of a tenant that it has a new revision. A hint only: whoever misses it polls. */
import type { Id } from "@headgate/sdk/contract";

export type RevisionListener = (revision: number) => void;

export interface RevisionEvents {
  /** To be called after the transaction that made the revision has committed. Never throws. */
  publish(tenantId: Id<"tenant">, revision: number): void;
  /** Returns the function that ends the subscription. */
  subscribe(tenantId: Id<"tenant">, listener: RevisionListener): () => void;
}

export function createRevisionEvents(): RevisionEvents {
  const listeners = new Map<Id<"tenant">, Set<RevisionListener>>();
  return {
    publish(tenantId, revision) {
      for (const listener of listeners.get(tenantId) ?? []) listener(revision);
    },
    subscribe(tenantId, listener) {
      const mine = listeners.get(tenantId) ?? new Set();
      listeners.set(tenantId, mine.add(listener));
      return () => {
        mine.delete(listener);
        if (mine.size === 0 && listeners.get(tenantId) === mine) listeners.delete(tenantId);
      };
    },
  };
}

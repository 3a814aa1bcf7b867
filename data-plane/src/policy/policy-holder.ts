/** The one place that says which policy is in force. A swap is a single assignment; readers see the old or the new. */
import type { CompiledPolicy } from "./compiled-policy.ts";

/** Why a snapshot was refused. */
export const REJECTION_REASONS = [
  "damaged",
  "too_large",
  "unknown_key",
  "signature",
  "not_canonical",
  "tenant",
  "data_plane",
  "region",
  "revision",
  "schema",
  "seal",
  "compile",
  "self_test",
] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

export interface PolicyHolder {
  /** Undefined until the first policy is applied: nothing may then be served. */
  current(): CompiledPolicy | undefined;
  /** False, and nothing changes, unless the revision is above the one in force. Tells the subscribers. */
  apply(policy: CompiledPolicy): boolean;
  /** Called after each swap, in the order of subscription. Returns how to stop it. */
  subscribe(listener: (policy: CompiledPolicy, previous: CompiledPolicy | undefined) => void): () => void;
  countRejection(reason: RejectionReason): void;
  rejections(): ReadonlyMap<RejectionReason, number>;
}

export function createPolicyHolder(): PolicyHolder {
  let current: CompiledPolicy | undefined;
  const listeners = new Set<Parameters<PolicyHolder["subscribe"]>[0]>();
  const rejections = new Map<RejectionReason, number>(REJECTION_REASONS.map((reason) => [reason, 0]));
  return {
    current: () => current,
    apply(policy) {
      const previous = current;
      if (previous !== undefined && policy.revision <= previous.revision) return false;
      current = policy;
      for (const listener of listeners) listener(policy, previous);
      return true;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    countRejection(reason) {
      rejections.set(reason, (rejections.get(reason) ?? 0) + 1);
    },
    rejections: () => rejections,
  };
}

import { DEFAULT_TIMEOUTS, type TargetTimeouts } from "@headgate/sdk/contract";
import { makeId } from "@headgate/sdk/testing";
import type { CompiledTarget } from "../../policy/compiled-policy.ts";

/** A target of a provider on this host that wants no credential. */
export function makeTarget(origin: string, timeouts: Partial<TargetTimeouts> = {}): CompiledTarget {
  return {
    id: makeId("target"),
    provider: {
      id: makeId("provider"),
      name: "open",
      dialect: "openai",
      vendor: "open",
      origin,
      pathPrefix: "/v1",
      credential: null,
      allowedCidrs: ["127.0.0.0/8"],
    },
    upstreamModel: "sim-small",
    priority: 0,
    weight: 1,
    timeouts: { ...DEFAULT_TIMEOUTS, ...timeouts },
  };
}

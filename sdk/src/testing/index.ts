/** Valid documents of the contract for tests: each factory takes what the test cares about and fills in the rest. */
export { contractUpTo, nextContract } from "./make-contract.ts";
export { encodeHeartbeat, makeHeartbeat } from "./make-heartbeat.ts";
export { makeId } from "./make-id.ts";
export { makePolicySnapshot } from "./make-policy-snapshot.ts";
export { encodeUsageBatch, makeUsageBatch, type UsageBatch } from "./make-usage-batch.ts";
export { makeModelSubject, makeUsageEvent } from "./make-usage-event.ts";

/** For the workspace's tests: parts that they run alone, and what a control plane does to a snapshot. */

export { type ControlLink, startControlLink } from "../control-link/start-control-link.ts";
export { createManualTimers, type ManualTimers } from "../control-link/testing/manual-timers.ts";
export {
  etagOf,
  makeSealedSnapshot,
  makeSigningKey,
  type SigningKey,
  seal,
  signBytes,
  signDocument,
  signSnapshot,
  TEST_CREDENTIAL,
  TEST_PEPPER,
} from "../control-link/testing/snapshot-kit.ts";
export { systemClock } from "../lib/clock.ts";
export type { Logger } from "../lib/logger.ts";
export { compileRules } from "../policy/compile-rules.ts";
export { createPolicyHolder, type PolicyHolder } from "../policy/policy-holder.ts";
export { makeAttempt } from "../usage/testing/attempts.ts";
export { hostileResult } from "../usage/testing/hostile-result.ts";
export { openTestSpool } from "../usage/testing/open-test-spool.ts";
export { shipAll, startReporter } from "../usage/testing/start-reporter.ts";

/** For this package's tests and those of the workspace, which also run the reconciler alone. */

export type { Observation } from "../data-planes/status.ts";
export { forWork } from "../db/client.ts";
export { readTenant, withPlatform, withTenant } from "../db/tenant-scope.ts";
export { readUsageBatch } from "../ledger/ingest/read-usage-batch.ts";
export { checkCondition } from "../policy/rules/trials/check-condition.ts";
export { createProvisioningMetrics } from "../provisioning/metrics.ts";
export { ABSENT, type DesiredDataPlane, type Provisioner } from "../provisioning/provisioner.ts";
export { createReconciler, LEASE_MS } from "../provisioning/reconciler.ts";
export { claimNext, settleClaim } from "../provisioning/repository.ts";
export { type Answer, type Caller, createTestServer, type TestServer } from "./create-test-server.ts";
export {
  createFurnishedTenant,
  createTestTenant,
  type FurnishedTenant,
  type TestTenant,
} from "./create-test-tenant.ts";
export { createFakeClock, type FakeClock } from "./fake-clock.ts";
export { openTestDatabase } from "./open-test-database.ts";

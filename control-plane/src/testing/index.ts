/** For this package's tests and those of the workspace. */
export { type Answer, type Caller, createTestServer, type TestServer } from "./create-test-server.ts";
export {
  createFurnishedTenant,
  createTestTenant,
  type FurnishedTenant,
  type TestTenant,
} from "./create-test-tenant.ts";
export { createFakeClock, type FakeClock } from "./fake-clock.ts";
export { openTestDatabase } from "./open-test-database.ts";

/** What the tests and tools of the workspace may use. */

export { buildServer, type ServerDeps } from "./api/server.ts";
export type { Services } from "./api/trpc/context.ts";
export type { ApiError } from "./api/trpc/errors.ts";
export type { AppRouter } from "./api/trpc/router.ts";
export { type RunningControlPlane, startControlPlane } from "./compose/start-control-plane.ts";
export { type Config, readConfig } from "./config.ts";
export { type Database, type OpenDatabase, openDatabase } from "./db/client.ts";

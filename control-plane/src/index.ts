/** What the tests and tools of the workspace may use. */
export { type Config, readConfig } from "./config.ts";
export { type Database, type OpenDatabase, openDatabase } from "./db/client.ts";
export { buildServer, type ServerDeps } from "./server.ts";
export { type RunningControlPlane, startControlPlane } from "./start-control-plane.ts";
export type { Services } from "./trpc/context.ts";
export type { ApiError } from "./trpc/errors.ts";
export type { AppRouter } from "./trpc/router.ts";

/** A data plane as a library, for programs that run one inside themselves. `main.ts` runs it as a process. */

export { type DataPlane, type DataPlaneOutput, startDataPlane } from "./compose/start-data-plane.ts";
export type { Config } from "./config.ts";
export type { Clock } from "./lib/clock.ts";
export type { Dialect } from "./protocols/llm/dialects/dialect.ts";
export { DIALECTS } from "./protocols/llm/dialects/dialects.ts";
export type { EndBounds } from "./server/gentle-end.ts";

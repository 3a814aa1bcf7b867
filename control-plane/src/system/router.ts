import { z } from "zod";
import { publicProcedure, router } from "../api/trpc/procedures.ts";
import { unixMs } from "../lib/view.ts";

const info = z.strictObject({
  version: z.string(),
  /** True when the database runs inside the server's process. */
  embedded: z.boolean(),
  time: unixMs,
});

export const systemRouter = router({
  /** What runs here, and its clock. Needs no credential. */
  info: publicProcedure
    .input(z.strictObject({}).optional())
    .output(info)
    .query(({ ctx: { services } }) => ({
      version: services.version,
      embedded: services.embedded,
      time: services.clock.wallMs(),
    })),
});

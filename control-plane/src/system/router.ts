import { z } from "zod";
import { publicProcedure, router } from "../api/trpc/procedures.ts";

export const systemRouter = router({
  info: publicProcedure.input(z.strictObject({}).optional()).query(({ ctx: { services } }) => ({
    version: services.version,
    embedded: services.embedded,
    time: services.clock.wallMs(),
  })),
});

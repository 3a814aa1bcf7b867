import { idOf } from "@headgate/sdk/contract";
import { z } from "zod";
import { router, tenantProcedure } from "../api/trpc/procedures.ts";
import { pageInput, pageSchema } from "../lib/page.ts";
import { decisionPage, decisionView, oneDecision } from "./service.ts";

const code = decisionView.shape.code;

export const decisionsRouter = router({
  /** Why a call was refused or failed, by the decision id that its caller was given. */
  get: tenantProcedure
    .input(z.strictObject({ decision_id: idOf("decision") }))
    .output(decisionView)
    .query(({ ctx, input }) => oneDecision(ctx, input.decision_id)),

  /** Calls that were refused or failed, newest first: of one agent or all, with one code or any. */
  list: tenantProcedure
    .input(z.strictObject({ agent_id: idOf("agent").optional(), code: code.optional(), ...pageInput }))
    .output(pageSchema(decisionView))
    .query(({ ctx, input: { agent_id: agentId, cursor: before, code, limit } }) =>
      decisionPage(ctx, { agentId, before, code, limit }),
    ),
});

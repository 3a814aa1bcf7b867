import { freeText, idOf, LABEL_NAMES, snapshotAgent } from "@headgate/sdk/contract";
import { z } from "zod";
import { router, tenantProcedure } from "../api/trpc/procedures.ts";
import { defined } from "../lib/defined.ts";
import { pageInput, pageSchema } from "../lib/page.ts";
import { expectedRevision } from "../policy/resource.ts";
import { agents, agentView } from "./service.ts";

const label = freeText(64);
const labels = z
  .strictObject(
    Object.fromEntries(LABEL_NAMES.map((name) => [name, label.optional()])) as Record<
      (typeof LABEL_NAMES)[number],
      z.ZodOptional<typeof label>
    >,
  )
  .transform(defined);
const { name, capabilities } = snapshotAgent.shape;
const optional = { labels: labels.optional(), capabilities: capabilities.optional() };
const byId = z.strictObject({ agent_id: idOf("agent") });
const target = byId.extend(expectedRevision);

export const agentsRouter = router({
  /** An agent without keys; `keys.create` makes them. */
  create: tenantProcedure
    .input(z.strictObject({ name, ...optional }))
    .output(agentView)
    .mutation(({ ctx, input: { name, ...input } }) => agents.create(ctx, { name, ...defined(input) })),

  /** One agent. */
  get: tenantProcedure
    .input(byId)
    .output(agentView)
    .query(({ ctx, input }) => agents.get(ctx, input.agent_id)),

  /** In the order of their ids. */
  list: tenantProcedure
    .input(z.strictObject(pageInput))
    .output(pageSchema(agentView))
    .query(({ ctx, input }) => agents.list(ctx, input)),

  /** A name that a rule's condition has in quotes is not changed: the rule would speak of another agent, or of none. */
  update: tenantProcedure
    .input(target.extend({ name: name.optional(), ...optional }))
    .output(agentView)
    .mutation(({ ctx, input: { agent_id: id, expected_revision, ...changes } }) =>
      agents.update(ctx, { id, expected_revision }, defined(changes)),
    ),

  /** Its keys are refused until it is enabled again. */
  disable: tenantProcedure
    .input(target)
    .output(agentView)
    .mutation(({ ctx, input: { agent_id: id, expected_revision } }) =>
      agents.disable(ctx, { id, expected_revision }),
    ),

  /** Its keys are good again, but for those that were revoked. */
  enable: tenantProcedure
    .input(target)
    .output(agentView)
    .mutation(({ ctx, input: { agent_id: id, expected_revision } }) =>
      agents.enable(ctx, { id, expected_revision }),
    ),

  /** With its keys, for good; what it has used stays in the ledger under its id. Not while a limit or budget names it. */
  delete: tenantProcedure
    .input(target)
    .output(agentView)
    .mutation(({ ctx, input: { agent_id: id, expected_revision } }) =>
      agents.delete(ctx, { id, expected_revision }),
    ),
});

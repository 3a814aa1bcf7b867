import { freeText, idOf, LABEL_NAMES, resourceName, snapshotAgent } from "@headgate/sdk/contract";
import { z } from "zod";
import type { TenantContext } from "../api/trpc/context.ts";
import { router, tenantProcedure } from "../api/trpc/procedures.ts";
import { requireFreeName } from "../db/require-free-name.ts";
import { requireRoom } from "../db/require-room.ts";
import { agents } from "../db/schema/identity.ts";
import { withTenant } from "../db/tenant-scope.ts";
import { defined } from "../lib/defined.ts";
import { Fault } from "../lib/fault.ts";
import { pageInput, pageOf } from "../lib/page.ts";
import { requireFound } from "../lib/require-found.ts";
import { changePolicy } from "../policy/change-policy.ts";
import { type AgentRow, findAgent, insertAgent, listAgents, updateAgent } from "./repository.ts";

const AGENTS_MAX = 100_000;

const label = freeText(64);
const labels = z
  .strictObject(
    Object.fromEntries(LABEL_NAMES.map((name) => [name, label.optional()])) as Record<
      (typeof LABEL_NAMES)[number],
      z.ZodOptional<typeof label>
    >,
  )
  .transform(defined);
const { capabilities } = snapshotAgent.shape;
const byId = z.strictObject({ agent_id: idOf("agent") });

export const agentsRouter = router({
  create: tenantProcedure
    .input(
      z.strictObject({
        name: resourceName,
        labels: labels.optional(),
        capabilities: capabilities.optional(),
      }),
    )
    .mutation(({ ctx, input }) =>
      changePolicy(ctx.services, {
        tenantId: ctx.tenantId,
        actor: ctx.actor,
        action: "agents.create",
        run: async (tx) => {
          const row: AgentRow = {
            tenant_id: ctx.tenantId,
            id: ctx.services.makeId("agent"),
            name: input.name,
            labels: input.labels ?? {},
            capabilities: input.capabilities ?? [],
            disabled: false,
            created_at: ctx.services.clock.wallMs(),
          };
          await requireFreeName(tx, agents, row);
          await requireRoom(tx, agents, AGENTS_MAX);
          await insertAgent(tx, row);
          return { result: view(row), resource: row.id, detail: { ...input } };
        },
      }),
    ),

  get: tenantProcedure.input(byId).query(async ({ ctx, input }) => {
    const row = await withTenant(ctx.services.db, ctx.tenantId, (tx) => findAgent(tx, input.agent_id));
    return view(requireFound(row));
  }),

  list: tenantProcedure.input(z.strictObject(pageInput)).query(async ({ ctx, input }) => {
    const rows = await withTenant(ctx.services.db, ctx.tenantId, (tx) =>
      listAgents(tx, input.cursor, input.limit + 1),
    );
    return pageOf(rows, input.limit, { cursor: (row) => row.id, view });
  }),

  update: tenantProcedure
    .input(byId.extend({ labels: labels.optional(), capabilities: capabilities.optional() }))
    .mutation(({ ctx, input: { agent_id, ...changes } }) => {
      const values = defined(changes);
      if (Object.keys(values).length === 0)
        throw new Fault("api.invalid_input", { detail: "Nothing to change." });
      return update(ctx, "agents.update", { agent_id, values });
    }),

  disable: tenantProcedure
    .input(byId)
    .mutation(({ ctx, input }) => update(ctx, "agents.disable", { ...input, values: { disabled: true } })),

  enable: tenantProcedure
    .input(byId)
    .mutation(({ ctx, input }) => update(ctx, "agents.enable", { ...input, values: { disabled: false } })),
});

function update(
  ctx: TenantContext,
  action: string,
  { agent_id, values }: { agent_id: AgentRow["id"]; values: Parameters<typeof updateAgent>[2] },
) {
  return changePolicy(ctx.services, {
    tenantId: ctx.tenantId,
    actor: ctx.actor,
    action,
    takesAway: action === "agents.disable",
    run: async (tx) => {
      const row = requireFound(await updateAgent(tx, agent_id, values));
      return { result: view(row), resource: row.id, detail: { ...values } };
    },
  });
}

function view({ id, name, labels, capabilities, disabled, created_at }: AgentRow) {
  return { id, name, labels, capabilities, disabled, created_at };
}

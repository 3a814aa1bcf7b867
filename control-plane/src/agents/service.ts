import { snapshotAgent } from "@headgate/sdk/contract";
import { agents as table } from "../db/schema/identity.ts";
import { viewOf } from "../lib/view.ts";
import type { ChangeContext } from "../policy/change-policy.ts";
import { policyResource, resourceMembers, type Target } from "../policy/resource.ts";
import { requireNotNamed } from "../policy/rules/service.ts";

export const agentView = snapshotAgent.extend(resourceMembers);

const resource = policyResource({
  kind: "agent",
  plural: "agents",
  table,
  max: 100_000,
  view: viewOf(agentView),
  selector: ({ id }) => ({ agent_ids: [id] }),
});

type Content = Pick<typeof table.$inferSelect, "name" | "labels" | "capabilities">;

export const agents = {
  get: resource.get,
  list: resource.list,
  /** With its keys. What it has used stays in the ledger under its id. */
  delete: resource.delete,

  create(ctx: ChangeContext, { name, labels = {}, capabilities = [] }: Partial<Content> & { name: string }) {
    return resource.create(ctx, (made) => ({ ...made, name, labels, capabilities, disabled: false }));
  },

  update(ctx: ChangeContext, target: Target<"agent">, changes: Partial<Content>) {
    return resource.update(ctx, target, async (before, { tx }) => {
      if (changes.name !== undefined && changes.name !== before.name) await requireNotNamed(tx, before.name);
      return changes;
    });
  },

  disable(ctx: ChangeContext, target: Target<"agent">) {
    return resource.update(ctx, target, { disabled: true }, { verb: "disable", takesAway: true });
  },

  enable(ctx: ChangeContext, target: Target<"agent">) {
    return resource.update(ctx, target, { disabled: false }, { verb: "enable" });
  },
};

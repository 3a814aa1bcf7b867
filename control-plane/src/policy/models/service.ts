import { snapshotModel } from "@headgate/sdk/contract";
import { models as table } from "../../db/schema/upstreams.ts";
import { viewOf } from "../../lib/view.ts";
import type { ChangeContext } from "../change-policy.ts";
import { renameModelInSelectors } from "../repository.ts";
import { policyResource, resourceMembers, type Target } from "../resource.ts";
import { routesOfModel } from "../routes/repository.ts";
import { requireNotNamed } from "../rules/service.ts";

export const modelView = snapshotModel.extend(resourceMembers);

const resource = policyResource({
  kind: "model",
  plural: "models",
  table,
  max: 10_000,
  view: viewOf(modelView),
  usersOf: (tx, { id }) => routesOfModel(tx, id),
  selector: ({ name }) => ({ models: [name] }),
});

type Content = Omit<typeof modelView._zod.output, "id" | keyof typeof resourceMembers>;

export const models = {
  get: resource.get,
  list: resource.list,
  delete: resource.delete,

  create(ctx: ChangeContext, content: Content) {
    return resource.create(ctx, (made) => ({ ...made, ...content }));
  },

  /**
   * Under a new name it keeps its route, and the limits and budgets that name it follow: they must not stop holding.
   * Conditions cannot be rewritten, so a rule that says the old name refuses the new one.
   */
  update(ctx: ChangeContext, target: Target<"model">, changes: Partial<Omit<Content, "kind">>) {
    return resource.update(ctx, target, async (before, { tx, tenant: { revision } }) => {
      const { name: to = before.name } = changes;
      if (to !== before.name) {
        await requireNotNamed(tx, before.name);
        await renameModelInSelectors(tx, { from: before.name, to, revision });
      }
      return changes;
    });
  },
};

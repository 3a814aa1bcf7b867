import {
  DEFAULT_TIMEOUTS,
  type RouteTarget,
  snapshotRoute,
  type TargetTimeouts,
} from "@headgate/sdk/contract";
import type { z } from "zod";
import { routes as table } from "../../db/schema/upstreams.ts";
import { requireFound } from "../../lib/require-found.ts";
import { viewOf } from "../../lib/view.ts";
import { type ChangeContext, changePolicy } from "../change-policy.ts";
import { findRow, insertRow, updateRow } from "../repository.ts";
import { policyResource, requireRevision, resourceMembers, type Target } from "../resource.ts";
import { checkTargets } from "./check-targets.ts";
import { findDialects, findModelKind } from "./repository.ts";

type RouteRow = typeof table.$inferSelect;
type RouteView = z.infer<typeof routeView>;

export const routeView = snapshotRoute.extend(resourceMembers);
const view = viewOf(routeView);

const resource = policyResource<"route", RouteRow, RouteView, "model">({
  kind: "route",
  plural: "routes",
  table,
  address: table.model_id,
  max: 10_000,
  view,
});

interface Content {
  readonly targets: readonly (Omit<RouteTarget, "id" | "timeouts"> & { timeouts: Partial<TargetTimeouts> })[];
  readonly attempts_max: number;
  readonly breaker: RouteRow["breaker"];
}

export const routes = {
  get: resource.get,
  list: resource.list,
  delete: resource.delete,

  put(ctx: ChangeContext, target: Target<"model">, content: Content) {
    const { services, tenantId } = ctx;
    return changePolicy(ctx, {
      action: "routes.put",
      run: async (tx, { revision }) => {
        const kind = requireFound(await findModelKind(tx, target.id));
        const dialects = await findDialects(
          tx,
          content.targets.map(({ provider_id }) => provider_id),
        );
        checkTargets(content.targets, dialects, kind);
        const before = await findRow(tx, table, { column: table.model_id, value: target.id });
        requireRevision(before ?? { revision: 0 }, target.expected_revision);
        const idOf = (wanted: Content["targets"][number]) =>
          before?.targets.find(
            ({ provider_id, upstream_model }) =>
              provider_id === wanted.provider_id && upstream_model === wanted.upstream_model,
          )?.id ?? services.makeId("target");
        const row: RouteRow = {
          tenant_id: tenantId,
          id: before?.id ?? services.makeId("route"),
          model_id: target.id,
          targets: content.targets.map((wanted) => ({
            ...wanted,
            id: idOf(wanted),
            timeouts: { ...DEFAULT_TIMEOUTS, ...wanted.timeouts },
          })),
          attempts_max: content.attempts_max,
          breaker: content.breaker,
          created_at: before?.created_at ?? services.clock.wallMs(),
          revision,
        };
        await (before === undefined ? insertRow : updateRow)(tx, table, row);
        return { result: view(row), resource: row.id, detail: { ...view(row) } };
      },
    });
  },
};

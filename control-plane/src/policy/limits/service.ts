import { snapshotLimit } from "@headgate/sdk/contract";
import { z } from "zod";
import { limits as table } from "../../db/schema/policy.ts";
import { inputFault } from "../../lib/fault.ts";
import { viewOf } from "../../lib/view.ts";
import type { ChangeContext } from "../change-policy.ts";
import { checkSelector } from "../check-selector.ts";
import { policyResource, resourceMembers } from "../resource.ts";

type LimitRow = typeof table.$inferSelect;

const [windowed, concurrency] = snapshotLimit.options;

export const limitView = windowed.extend({
  metric: z.enum([...windowed.shape.metric.options, concurrency.shape.metric.value]),
  /** Null for concurrency. */
  window_seconds: windowed.shape.window_seconds.nullable(),
  ...resourceMembers,
});
const view = viewOf(limitView);

const resource = policyResource({
  kind: "limit",
  plural: "limits",
  table,
  max: 1_000,
  view,
  check: async (tx, row) => {
    const { created_at, revision, window_seconds, ...content } = view(row);
    const parsed = snapshotLimit.safeParse({
      ...content,
      ...(window_seconds === null ? {} : { window_seconds }),
    });
    if (!parsed.success) throw inputFault(parsed.error);
    await checkSelector(tx, row);
  },
});

type Content = Omit<LimitRow, "tenant_id" | "id" | "created_at" | "revision" | "window_seconds">;

export const limits = {
  ...resource,

  create(
    ctx: ChangeContext,
    { window_seconds = null, ...content }: Content & { window_seconds?: number | null },
  ) {
    return resource.create(ctx, (made) => ({ ...made, ...content, window_seconds }));
  },
};

import type { Id } from "@headgate/sdk/contract";
import { eq, inArray } from "drizzle-orm";
import { models, providers } from "../../db/schema/upstreams.ts";
import type { TenantTx } from "../../db/tenant-scope.ts";

export async function findModelKind(tx: TenantTx, id: Id<"model">) {
  const [row] = await tx.select({ kind: models.kind }).from(models).where(eq(models.id, id));
  return row?.kind;
}

export async function findDialects(tx: TenantTx, ids: readonly Id<"provider">[]) {
  const rows = await tx
    .select({ id: providers.id, dialect: providers.dialect })
    .from(providers)
    .where(inArray(providers.id, [...ids]));
  return new Map(rows.map(({ id, dialect }) => [id, dialect]));
}

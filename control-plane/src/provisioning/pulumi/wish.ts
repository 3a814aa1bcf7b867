/** What a data plane's stack is to be, as far as that can be said from the rows. */
import { type TenantSpec, tenantSpec } from "@headgate/infra";
import type { Id } from "@headgate/sdk/contract";
import { eq } from "drizzle-orm";
import { findRegion, type RegionRow } from "../../data-planes/regions/repository.ts";
import type { Database } from "../../db/client.ts";
import { dataPlanes } from "../../db/schema/data-planes.ts";
import { tenants } from "../../db/schema/tenants.ts";
import { withPlatform, withTenant } from "../../db/tenant-scope.ts";
import type { ObservedDataPlane } from "../provisioner.ts";
import { desiredDigest } from "./desired-digest.ts";

export interface Images {
  readonly image: string;
  readonly imageVersion: string;
  readonly collectorImage: string;
}

export interface WishSources {
  readonly db: Database;
  /** Undefined where no release says which, and none were given at the start. */
  readonly imagesOf: (spec: Readonly<Record<string, unknown>>) => Promise<Images | undefined>;
  /** The same at every call, until it is replaced. */
  readonly joinSecretOf: (target: { tenantId: Id<"tenant">; id: Id<"dataPlane"> }) => Promise<string>;
  /** Part of what a stack is compared by: a newer program is brought to all of them. */
  readonly programVersion: string;
}

export interface CertainWish {
  readonly ok: true;
  readonly digest: string;
  readonly region: RegionRow;
  readonly spec: Omit<TenantSpec, "joinSecret">;
}

/** `trouble` says why it cannot be said. */
export type Wish = CertainWish | { readonly ok: false; readonly trouble: string };

export async function wishFrom(target: ObservedDataPlane, sources: WishSources): Promise<Wish> {
  const { db } = sources;
  const region = await withPlatform(db, (tx) => findRegion(tx, target.region));
  if (region === undefined) return { ok: false, trouble: "the platform has no such region" };
  const images = await sources.imagesOf(target.spec);
  if (images === undefined) return { ok: false, trouble: "no release of the data plane is complete" };
  let { name, secretHash } = await namesOf(db, target);
  if (secretHash === null) {
    await sources.joinSecretOf(target);
    ({ name, secretHash } = await namesOf(db, target));
  }
  const parsed = tenantSpec.omit({ joinSecret: true }).safeParse({
    tenantId: target.tenantId,
    tenantName: name,
    dataPlaneId: target.id,
    plan: target.plan,
    ...images,
    cluster: region.cluster,
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { ok: false, trouble: `${issue?.path.join(".")}: ${issue?.message}`.slice(0, 300) };
  }
  const { tenantId, tenantName, dataPlaneId, plan, image, imageVersion, collectorImage } = parsed.data;
  const digest = desiredDigest({
    own: { tenantId, tenantName, dataPlaneId, plan, image, imageVersion, collectorImage, secretHash },
    shared: { region: region.name, generation: region.generation, program: sources.programVersion },
  });
  return { ok: true, digest, region, spec: parsed.data };
}

function namesOf(db: Database, { tenantId, id }: ObservedDataPlane) {
  return withTenant(db, tenantId, async (tx) => {
    const [row] = await tx
      .select({ name: tenants.name, secretHash: dataPlanes.join_secret_hash })
      .from(dataPlanes)
      .innerJoin(tenants, eq(tenants.id, dataPlanes.tenant_id))
      .where(eq(dataPlanes.id, id));
    return row ?? { name: "", secretHash: null };
  });
}

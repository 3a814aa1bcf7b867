/** What a data plane's stack is to be, as far as that can be said from the rows. */
import { type TenantSpec, tenantSpec } from "@headgate/infra";
import type { Images } from "../../../data-planes/releases/image-of.ts";
import type { RegionRow } from "../../../db/schema/provisioning.ts";
import type { ObservedDataPlane } from "../../provisioner.ts";
import { desiredDigest } from "./desired-digest.ts";

export interface WishFacts {
  readonly target: ObservedDataPlane;
  readonly region: RegionRow | undefined;
  /** Undefined where no release says which, and none were given at the start. */
  readonly images: Images | undefined;
  readonly tenantName: string;
  /** Of the join secret. */
  readonly secretHash: string | null;
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

export function wishOf({ target, region, images, secretHash, ...facts }: WishFacts): Wish {
  if (region === undefined) return { ok: false, trouble: "the platform has no such region" };
  if (images === undefined) return { ok: false, trouble: "no release of the data plane is complete" };
  const parsed = tenantSpec.omit({ joinSecret: true }).safeParse({
    tenantId: target.tenantId,
    tenantName: facts.tenantName,
    dataPlaneId: target.id,
    plan: target.plan,
    ...images,
    cluster: region.cluster,
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { ok: false, trouble: `${issue?.path.join(".")}: ${issue?.message}`.slice(0, 300) };
  }
  const { cluster: _shared, ...own } = parsed.data;
  const digest = desiredDigest({
    own: { ...own, secretHash },
    shared: { region: region.name, generation: region.generation, program: facts.programVersion },
  });
  return { ok: true, digest, region, spec: parsed.data };
}

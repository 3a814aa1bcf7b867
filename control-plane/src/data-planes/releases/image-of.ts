/** Which images a data plane is to run. */
import type { PlatformTx } from "../../db/tenant-scope.ts";
import { RING_OF_PLAN } from "./advance-release.ts";
import { findCurrent, findRelease, findUnfinished, type ReleaseRow, type ReleaseSpec } from "./repository.ts";

export interface Images {
  readonly image: string;
  /** What `image` is called by people. */
  readonly imageVersion: string;
  readonly collectorImage: string;
}

/**
 * Those of the release that it was told of, else of the one that is complete, else the ones the platform was started
 * with. Undefined where there is none of these.
 */
export async function imageOf(
  tx: PlatformTx,
  spec: ReleaseSpec,
  initial: Images | undefined,
): Promise<Images | undefined> {
  const told = spec.release_id === undefined ? undefined : await findRelease(tx, spec.release_id);
  const release = told ?? (await findCurrent(tx));
  return release === undefined ? initial : imagesOf(release);
}

/**
 * The `spec` of a new data plane. On a cluster it starts with a release on its way where its ring is already done, else
 * with the current one.
 */
export async function specForNew(
  tx: PlatformTx,
  plan: keyof typeof RING_OF_PLAN,
  driver: string,
): Promise<Record<string, unknown>> {
  if (driver !== "pulumi") return { plan };
  const moving = await findUnfinished(tx);
  const isDone = moving !== undefined && moving.state !== "rolling_back" && RING_OF_PLAN[plan] < moving.ring;
  const release = isDone ? moving : await findCurrent(tx);
  return release === undefined ? { plan } : { plan, release_id: release.id };
}

function imagesOf({ image, version, collector_image }: ReleaseRow): Images {
  return { image, imageVersion: version, collectorImage: collector_image };
}

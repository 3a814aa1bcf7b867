/** What is said of the clusters that data planes are provisioned on. */
import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import type { RegionRow } from "../../db/schema/provisioning.ts";
import { type PlatformTx, withPlatform } from "../../db/tenant-scope.ts";
import { defined } from "../../lib/defined.ts";
import { conflict, Fault, invalid } from "../../lib/fault.ts";
import type { Logger } from "../../lib/logger.ts";
import { type PageRequest, pageOf } from "../../lib/page.ts";
import { requireFound } from "../../lib/require-found.ts";
import type { ChangeServices } from "../../policy/change-policy.ts";
import type { KeyWrapper } from "../../secrets/key-wrapper.ts";
import { kubeconfigOf, sealKubeconfig } from "./cluster-access.ts";
import {
  countDataPlanes,
  deleteRegion,
  findRegion,
  insertRegion,
  listRegions,
  lockRegion,
  updateRegion,
} from "./repository.ts";
import { type regionInput, regionView } from "./views.ts";

export { findRegion } from "./repository.ts";

interface RegionServices extends Pick<ChangeServices, "db" | "clock"> {
  readonly keyWrapper: KeyWrapper;
  readonly logger: Pick<Logger, "info">;
}

type RegionInput = z.infer<typeof regionInput>;

export const regions = {
  async put(services: RegionServices, input: RegionInput) {
    if (input.cluster.region !== input.name) throw invalid("cluster.region", "It must be the region's name.");
    const row = await withPlatform(services.db, (tx) => putIn(tx, services, input));
    services.logger.info({ region: row.name, generation: row.generation }, "region was put");
    return regionView(row);
  },

  async get({ db }: RegionServices, name: string) {
    return regionView(requireFound(await withPlatform(db, (tx) => findRegion(tx, name))));
  },

  async list({ db }: RegionServices, { cursor, limit }: PageRequest) {
    const rows = await withPlatform(db, (tx) => listRegions(tx, { after: cursor, limit: limit + 1 }));
    return pageOf(rows, limit, { cursor: ({ name }) => name, view: regionView });
  },

  /** Faults: `api.conflict` while data planes live there. */
  async delete({ db, logger }: RegionServices, name: string) {
    await withPlatform(db, async (tx) => {
      requireFound(await lockRegion(tx, name));
      const count = await countDataPlanes(tx, name);
      if (count > 0) throw conflict(`${count} data planes live there.`);
      await deleteRegion(tx, name);
    });
    logger.info({ region: name }, "region was deleted");
    return { name };
  },
};

/**
 * For a new data plane. With the driver `pulumi` its region must be one that the platform has; any driver keeps out of
 * a region that takes no new ones. Faults: `api.invalid_input`, `api.conflict`.
 */
export async function requireOpenRegion(
  tx: PlatformTx,
  { region, driver }: { region: string; driver: string },
): Promise<void> {
  const row = await findRegion(tx, region);
  if (row === undefined && driver === "pulumi") throw invalid("region", "The platform has no such region.");
  if (row?.cordoned === true) throw conflict("The region takes no new data planes.", "region");
}

async function putIn(
  tx: PlatformTx,
  { keyWrapper, clock }: RegionServices,
  { name, cluster, issuer, access, cordoned, expected_generation }: RegionInput,
): Promise<RegionRow> {
  const now = clock.wallMs();
  const { url, ...keys } = issuer;
  const before = await lockRegion(tx, name);
  const generation = before?.generation ?? 0;
  if (expected_generation !== undefined && expected_generation !== generation)
    throw new Fault("api.precondition_failed", {
      parameter: "expected_generation",
      detail: `Its generation is ${generation}.`,
    });
  const kubeconfig = access !== undefined && "kubeconfig" in access ? access.kubeconfig : undefined;
  const sealed = kubeconfig === undefined ? null : await sealKubeconfig(keyWrapper, name, kubeconfig);
  const told = {
    cluster,
    issuer: { url, ...defined(keys) },
    cordoned: cordoned ?? before?.cordoned ?? false,
  };
  if (before === undefined) {
    if (access === undefined) throw invalid("access", "A new region needs it.");
    return insertRegion(tx, { name, ...told, kubeconfig: sealed, created_at: now, updated_at: now });
  }
  const sameAccess =
    access === undefined ||
    (kubeconfig === undefined
      ? before.kubeconfig === null
      : before.kubeconfig !== null && (await kubeconfigOf(keyWrapper, before)) === kubeconfig);
  const follows = !sameAccess || !isDeepStrictEqual(before.cluster, cluster);
  const set = {
    ...told,
    ...(sameAccess ? {} : { kubeconfig: sealed }),
    ...(follows ? { generation: generation + 1, updated_at: now } : {}),
  };
  return requireFound(await updateRegion(tx, before, set));
}

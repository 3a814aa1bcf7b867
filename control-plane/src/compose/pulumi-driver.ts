/** The driver whose data planes are on clusters, as it is configured. */
import { resolve } from "node:path";
import { ensureJoinSecret } from "../data-planes/join/join-secret.ts";
import { kubeconfigOf } from "../data-planes/regions/cluster-access.ts";
import { imageOf } from "../data-planes/releases/image-of.ts";
import { withPlatform, withTenant } from "../db/tenant-scope.ts";
import type { Provisioner } from "../provisioning/provisioner.ts";
import { imagesFromConfig } from "../provisioning/pulumi/decide/images-from-config.ts";
import { createPulumiDriver } from "../provisioning/pulumi/operate/pulumi-driver.ts";
import { checkEngine, checkPassphraseFile } from "../provisioning/pulumi/process/check-engine.ts";
import { createOperationStarter } from "../provisioning/pulumi/process/operation-process.ts";
import { endSurvivors } from "../provisioning/pulumi/process/surviving-processes.ts";
import { VERSION } from "../version.ts";
import type { DriverEvents, WorkerOptions } from "./worker-options.ts";

/** For an engine whose worker is gone to end by itself. */
const SURVIVORS_GRACE_MS = 20_000;
/** Over how long all data planes of a region follow a change that concerns all of them. */
const SPREAD_MS = 120_000;

/** Throws a `Refusal` where the engine, or what it needs, is missing. */
export async function openPulumiDriver(
  options: WorkerOptions,
  { wake, operationMetrics }: DriverEvents,
): Promise<Provisioner> {
  const { pulumi, services } = options;
  const { db, clock, random, logger, secrets, keyWrapper } = services;
  if (pulumi === undefined) throw new TypeError("the driver pulumi has no settings");
  const engine = await checkEngine();
  await checkPassphraseFile(pulumi.passphraseFile);
  logger.info({ engine }, "found the engine");
  const initial = imagesFromConfig(pulumi);
  return createPulumiDriver({
    db,
    clock,
    makeId: services.makeId,
    log: logger,
    metrics: operationMetrics,
    startOperation: createOperationStarter({
      directory: resolve(options.dataDirectory, "operations"),
      environment: options.environment,
      onNoise: (operation_id, text) =>
        logger.warn({ operation_id, text }, "an operation's process complained"),
    }),
    endSurvivors: (operationId) => endSurvivors(operationId, SURVIVORS_GRACE_MS),
    imagesOf: (spec) => withPlatform(db, (tx) => imageOf(tx, spec, initial)),
    joinSecretOf: ({ tenantId, id }) =>
      withTenant(db, tenantId, (tx) => ensureJoinSecret(tx, id, { secrets, random })),
    kubeconfigOf: (region) => kubeconfigOf(keyWrapper, region),
    settings: {
      ...pulumi,
      timing: { driftMs: pulumi.driftMs, repairsDrift: pulumi.repairsDrift, spreadMs: SPREAD_MS },
    },
    programVersion: VERSION,
    onChange: wake,
    onEvents: (operationId) => services.operationHints.publish(operationId),
  });
}

import { setTimeout as sleep } from "node:timers/promises";
import { expandPath, getAt, parsePropertyPath, withAt } from "../property-path.ts";
import type { JsonObject } from "../wire.ts";
import { ApiError, type KubernetesClient, type KubernetesObject, NoMatchError } from "./client.ts";
import { adoptedByApply, belongsToOthers, isOwnConflict } from "./field-managers.ts";

const CREATE_ATTEMPTS = 5;

export type WriteOptions = {
  /** Under which name the fields are owned. */
  readonly manager: string;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  readonly ignoreChanges: readonly string[];
  /** Takes fields that others own. */
  readonly force: boolean;
  /** Adopts an object that is there already. */
  readonly upsert?: boolean;
};

/** Creates the object by POST; what may still be coming (its namespace, its kind) is given some seconds. */
export async function createObject(
  client: KubernetesClient,
  wanted: KubernetesObject,
  options: WriteOptions,
): Promise<KubernetesObject> {
  const { apiVersion, kind, metadata } = wanted;
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (options.upsert === true) {
        const live = await client.find(apiVersion, kind, metadata.namespace, metadata.name);
        if (live !== undefined) return await applyObject(client, { live, wanted }, options);
      }
      const path = await client.pathOf(apiVersion, kind, metadata.namespace);
      return await client.request({ method: "POST", path, query: query(options), body: wanted });
    } catch (error) {
      const mayPass =
        error instanceof NoMatchError || (error instanceof ApiError && [404, 429, 503].includes(error.code));
      if (options.dryRun || !mayPass || attempt === CREATE_ATTEMPTS || options.signal.aborted) throw error;
      await sleep(250 * 2 ** attempt);
    }
  }
}

/** Brings `live` to what is wanted by server-side apply; a definition of a custom resource by PUT. */
export async function applyObject(
  client: KubernetesClient,
  { live, wanted }: { live: KubernetesObject; wanted: KubernetesObject },
  options: WriteOptions,
): Promise<KubernetesObject> {
  const { manager, dryRun, force } = options;
  const path = await client.pathOf(
    wanted.apiVersion,
    wanted.kind,
    live.metadata.namespace,
    live.metadata.name,
  );
  const { resourceVersion } = live.metadata;
  if (wanted.kind === "CustomResourceDefinition") {
    const body = { ...wanted, metadata: { ...wanted.metadata, resourceVersion } };
    return client.request({ method: "PUT", path, query: query(options), body });
  }
  const adopted = adoptedByApply(live, manager);
  if (adopted !== undefined && !dryRun) {
    const body = [
      { op: "replace", path: "/metadata/managedFields", value: adopted },
      { op: "replace", path: "/metadata/resourceVersion", value: resourceVersion },
    ];
    await client.request({ method: "PATCH", path, contentType: "application/json-patch+json", body });
  }
  const named = { ...wanted, metadata: { ...wanted.metadata, name: live.metadata.name } };
  const body = withoutIgnored(named, live, options);
  const contentType = "application/apply-patch+yaml";
  const send = (forced: boolean) =>
    client.request({
      method: "PATCH",
      path,
      query: { ...query(options), force: String(forced) },
      contentType,
      body,
    });
  try {
    return await send(force);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 409) throw error;
    // In a dry run what was created is not adopted yet, and stands in its own way.
    if (dryRun && adopted !== undefined && isOwnConflict(error.causes, manager)) return send(true);
    throw Object.assign(error, { message: `Server-Side Apply field conflict detected: ${error.message}` });
  }
}

function query({ manager, dryRun }: WriteOptions) {
  return { fieldManager: manager, fieldValidation: "Warn", dryRun: dryRun ? "All" : undefined };
}

/** `wanted` without ignored fields that others own; those that are ours keep the value they have. */
function withoutIgnored(wanted: KubernetesObject, live: KubernetesObject, options: WriteOptions): JsonObject {
  let body: JsonObject = wanted;
  for (const path of options.ignoreChanges.flatMap((text) => expandPath(wanted, parsePropertyPath(text)))) {
    const isTheirs = belongsToOthers(live, path, options.manager);
    const kept = isTheirs ? undefined : getAt(live, path);
    if (isTheirs || kept !== undefined) body = withAt(body, path, kept) as JsonObject;
  }
  return body;
}

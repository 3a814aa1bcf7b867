import { createHash } from "node:crypto";
import type { ResourceState } from "../backend/state.ts";
import { getAt, withAt } from "../property-path.ts";
import { containsUnknown, type JsonObject, plainObject } from "../wire.ts";
import {
  ApiError,
  KubernetesClient,
  type KubernetesObject,
  NoMatchError,
  UnreachableError,
} from "./client.ts";
import { type Change, changesBetween, inputsAfterDrift, isReplacing } from "./diff.ts";
import { parseDuration } from "./duration.ts";
import { immutableFields } from "./immutable-fields.ts";
import { type Connection, inClusterConnection, readKubeconfig } from "./kubeconfig.ts";
import { checkedInputs, objectOf, outputsOf } from "./objects.ts";
import { NotReadyError, waitUntilGone, waitUntilReady, whyNotReady } from "./wait.ts";
import { applyObject, createObject, type WriteOptions } from "./write-object.ts";

const DEFAULT_TIMEOUT_MS = 600_000;
const SERVICE_SETTLE_MS = 10_000;

export type Applied = {
  readonly id: string;
  readonly inputs: JsonObject;
  readonly outputs: JsonObject;
  /** Why the object, which exists, did not become ready. */
  readonly initErrors?: string[];
};

export type Diff = {
  readonly changes: Change[];
  readonly replaces: Change[];
  readonly deleteBeforeReplace: boolean;
};

export type OperationOptions = {
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  readonly ignoreChanges?: readonly string[];
  readonly timeouts?: ResourceState["customTimeouts"];
};

type ProviderHost = {
  readonly env: NodeJS.ProcessEnv;
  readonly warn: (message: string) => void;
};

/** The Kubernetes provider of one `pulumi:providers:kubernetes` resource, over the real API server. */
export class KubernetesProvider {
  readonly #config: JsonObject;
  readonly #host: ProviderHost;
  readonly #fieldManager: string;
  #client: KubernetesClient | undefined;

  constructor(inputs: JsonObject, urn: string, host: ProviderHost) {
    this.#config = plainObject(inputs);
    this.#host = host;
    // From the URN alone, so that the run that follows a killed one is the same manager.
    this.#fieldManager = `pulumi-kubernetes-${createHash("sha256").update(urn).digest("hex").slice(0, 8)}`;
  }

  get isKnown(): boolean {
    return !containsUnknown(this.#config);
  }

  close(): void {
    this.#client?.close();
  }

  check(inputs: JsonObject, logicalName: string, old: ResourceState | undefined): JsonObject {
    return checkedInputs(inputs, logicalName, old?.inputs);
  }

  diff(old: ResourceState, inputs: JsonObject): Diff {
    const before = plainObject(old.inputs);
    const after = plainObject(inputs);
    const immutable = this.immutable(after);
    const changes = changesBetween(this.#withNamespace(before), this.#withNamespace(after));
    const replaces = changes.filter((change) => isReplacing(change, immutable));
    const place = (object: JsonObject) =>
      ["name", "namespace"].map((key) => getAt(object, ["metadata", key]) ?? "").join("/");
    const fixedName = getAt(after, ["metadata", "annotations", "pulumi.com/autonamed"]) !== "true";
    return { changes, replaces, deleteBeforeReplace: fixedName && place(before) === place(after) };
  }

  immutable(inputs: JsonObject) {
    return immutableFields(String(inputs["apiVersion"]), String(inputs["kind"]), {
      secrets: this.#isOn("enableSecretMutable"),
      configMaps: this.#isOn("enableConfigMapMutable"),
    });
  }

  async create(urn: string, inputs: JsonObject, options: OperationOptions): Promise<Applied> {
    const wanted = objectOf(inputs);
    if (options.dryRun && !(await this.#canPreview(inputs))) return { id: "", inputs, outputs: inputs };
    const manager = this.#managerOf(undefined, inputs);
    try {
      const write = {
        ...this.#writeOptions(manager, wanted, options),
        upsert: this.#isOn("upsertExistingObjects"),
      };
      const created = await createObject(this.#clientOf(), wanted, write);
      return await this.#settled(created, inputs, manager, options, "create");
    } catch (error) {
      if (options.dryRun && error instanceof ApiError && isUnpreviewable(error))
        return { id: "", inputs, outputs: inputs };
      throw explained(error, `resource "${urn}" was not successfully created by the Kubernetes API server`);
    }
  }

  async update(old: ResourceState, inputs: JsonObject, options: OperationOptions): Promise<Applied> {
    const id = old.id ?? "";
    if (options.dryRun && !(await this.#canPreview(inputs)))
      return { id, inputs, outputs: { ...old.outputs, ...inputs } };
    const manager = this.#managerOf(old, inputs);
    try {
      const live = await this.#clientOf().get(...this.#placeOf(old));
      const wanted = objectOf(inputs);
      const write = this.#writeOptions(manager, wanted, options);
      const updated = await applyObject(this.#clientOf(), { live, wanted }, write);
      return await this.#settled(updated, inputs, manager, options, "update");
    } catch (error) {
      if (options.dryRun && error instanceof ApiError && error.code === 403)
        return { id, inputs, outputs: inputs };
      throw explained(error, `update of resource "${old.urn}" failed`);
    }
  }

  async delete(old: ResourceState, options: OperationOptions): Promise<void> {
    const client = this.#clientOf();
    const [apiVersion, kind, namespace, name] = this.#placeOf(old);
    try {
      const path = await client.pathOf(apiVersion, kind, namespace, name);
      const live = await client.find(apiVersion, kind, namespace, name);
      if (live === undefined) return;
      const policy = getAt(old.inputs, ["metadata", "annotations", "pulumi.com/deletionPropagationPolicy"]);
      const propagationPolicy =
        typeof policy === "string" ? `${policy[0]?.toUpperCase()}${policy.slice(1)}` : "Foreground";
      await client.request({
        method: "DELETE",
        path,
        body: { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy },
      });
      if (getAt(old.inputs, ["metadata", "annotations", "pulumi.com/skipAwait"]) === "true") return;
      await waitUntilGone(client, live, {
        timeoutMs: this.#timeoutMs(old.inputs, options, "delete"),
        signal: options.signal,
      });
    } catch (error) {
      if (error instanceof NoMatchError || (error instanceof ApiError && error.code === 404)) return;
      if (error instanceof UnreachableError && this.#isOn("deleteUnreachable")) return;
      throw error;
    }
  }

  /** The object as it lives; undefined if it does not, any more. */
  async read(old: ResourceState): Promise<Applied | undefined> {
    let live: KubernetesObject | undefined;
    try {
      live = await this.#clientOf().find(...this.#placeOf(old));
    } catch (error) {
      if (error instanceof NoMatchError) return undefined;
      if (error instanceof UnreachableError && this.#isOn("deleteUnreachable")) return undefined;
      throw error;
    }
    if (live === undefined) return undefined;
    const manager = this.#managerOf(old, old.inputs);
    const known = Object.keys(old.outputs).length > 0;
    const inputs = known
      ? (inputsAfterDrift(old.inputs, plainObject(old.outputs), live) as JsonObject)
      : old.inputs;
    const initErrors = known ? await whyNotReady(this.#clientOf(), live, this.#awaitsAll) : [];
    const outputs = outputsOf(live, old.inputs, manager);
    return { id: old.id ?? idOf(live), inputs, outputs, ...(initErrors.length > 0 ? { initErrors } : {}) };
  }

  #writeOptions(manager: string, wanted: KubernetesObject, options: OperationOptions): WriteOptions {
    const { dryRun, signal, ignoreChanges = [] } = options;
    const annotated = getAt(wanted, ["metadata", "annotations", "pulumi.com/patchForce"]) === "true";
    return { manager, dryRun, signal, ignoreChanges, force: annotated || this.#isOn("enablePatchForce") };
  }

  async #settled(
    object: KubernetesObject,
    inputs: JsonObject,
    manager: string,
    options: OperationOptions,
    kind: "create" | "update",
  ): Promise<Applied> {
    if (options.dryRun) {
      const { status: _, ...rest } = outputsOf(object, inputs, manager);
      return { id: kind === "create" ? "" : idOf(object), inputs, outputs: rest };
    }
    const wait = {
      timeoutMs: this.#timeoutMs(inputs, options, kind),
      signal: options.signal,
      awaitAll: this.#awaitsAll,
      settleMs: SERVICE_SETTLE_MS,
    };
    try {
      const live = await waitUntilReady(this.#clientOf(), object, wait);
      return { id: idOf(live), inputs, outputs: outputsOf(live, inputs, manager) };
    } catch (error) {
      const live = error instanceof NotReadyError ? error.live : object;
      const reasons = error instanceof NotReadyError ? error.reasons : [String(error)];
      return { id: idOf(live), inputs, outputs: outputsOf(live, inputs, manager), initErrors: reasons };
    }
  }

  async #canPreview(inputs: JsonObject): Promise<boolean> {
    if (!this.isKnown || containsUnknown(inputs)) return false;
    try {
      await this.#clientOf().kind(String(inputs["apiVersion"]), String(inputs["kind"]));
      return true;
    } catch (error) {
      if (error instanceof NoMatchError) return false;
      throw error;
    }
  }

  #clientOf(): KubernetesClient {
    this.#client ??= new KubernetesClient(this.#connection(), this.#host.warn);
    return this.#client;
  }

  #connection(): Connection {
    const { kubeconfig, context, cluster, namespace } = this.#config as Record<string, string | undefined>;
    const ambient = this.#host.env["KUBECONFIG"];
    const content = kubeconfig ?? (ambient === "" ? undefined : ambient);
    const wanted = {
      ...(context === undefined ? {} : { context }),
      ...(cluster === undefined ? {} : { cluster }),
    };
    const connection =
      content === undefined ? inClusterConnection(this.#host.env) : readKubeconfig(content, wanted);
    if (connection === undefined)
      throw new UnreachableError("configured Kubernetes cluster is unreachable: no kubeconfig");
    return namespace === undefined ? connection : { ...connection, namespace };
  }

  #placeOf(old: ResourceState): [string, string, string | undefined, string] {
    const source = old.outputs["apiVersion"] === undefined ? old.inputs : old.outputs;
    const [name = "", namespace] = (old.id ?? "").split("/").reverse();
    return [String(source["apiVersion"]), String(source["kind"]), namespace, name];
  }

  #withNamespace(inputs: JsonObject): JsonObject {
    return getAt(inputs, ["metadata", "namespace"]) === undefined
      ? (withAt(inputs, ["metadata", "namespace"], this.#config["namespace"] ?? "default") as JsonObject)
      : inputs;
  }

  #managerOf(old: ResourceState | undefined, inputs: JsonObject): string {
    const annotated = getAt(inputs, ["metadata", "annotations", "pulumi.com/patchFieldManager"]);
    const remembered = old?.outputs["__fieldManager"];
    return (
      ([annotated, remembered].find((name) => typeof name === "string") as string | undefined) ??
      this.#fieldManager
    );
  }

  #timeoutMs(
    inputs: JsonObject,
    { timeouts }: OperationOptions,
    kind: "create" | "update" | "delete",
  ): number {
    const annotated = Number(getAt(inputs, ["metadata", "annotations", "pulumi.com/timeoutSeconds"]));
    return parseDuration(timeouts?.[kind] ?? "") ?? (annotated > 0 ? annotated * 1_000 : DEFAULT_TIMEOUT_MS);
  }

  get #awaitsAll(): boolean {
    return this.#host.env["PULUMI_K8S_AWAIT_ALL"] === "true";
  }

  /** The SDK sends a provider's booleans as JSON text. */
  #isOn(name: string): boolean {
    return this.#config[name] === true || this.#config[name] === "true";
  }
}

/** The state's id of an object: its namespace and name. */
function idOf({ metadata }: KubernetesObject): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

/** What a preview cannot know is no fault of the program: no permission to look, a namespace that is still to come. */
function isUnpreviewable({ code, reason }: ApiError): boolean {
  return code === 403 || code === 404 || reason === "AlreadyExists";
}

function explained(error: unknown, prefix: string): unknown {
  return error instanceof ApiError || error instanceof NoMatchError
    ? Object.assign(error, { message: `${prefix}: ${error.message}` })
    : error;
}

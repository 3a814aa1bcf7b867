import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { KubernetesObject } from "../kubernetes/client.ts";
import { formatPropertyPath, getAt, type PropertyPath, withAt } from "../property-path.ts";
import { isObject, type Json, type JsonObject, sameJson } from "../wire.ts";

const KINDS: Record<string, [kind: string, plural: string, namespaced: boolean][]> = {
  "/api/v1": [
    ["Namespace", "namespaces", false],
    ["ConfigMap", "configmaps", true],
    ["Secret", "secrets", true],
    ["Event", "events", true],
    ["Pod", "pods", true],
  ],
  "/apis/apps/v1": [
    ["Deployment", "deployments", true],
    ["ReplicaSet", "replicasets", true],
  ],
};

type Call = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: JsonObject;
};
type Answer = { readonly code: number; readonly body: unknown };

/**
 * As much of an API server as the engine's own tests need, in memory over HTTP: discovery, create, read, delete,
 * apply with field managers and conflicts, dry run. No controllers: a test sets the status that they would.
 */
export class FakeApiServer implements AsyncDisposable {
  /** By path, such as `/api/v1/namespaces/a/configmaps/b`. */
  readonly objects = new Map<string, KubernetesObject>();
  /** Every call that was not a read, in order: `POST /api/v1/namespaces`, with ` (dry run)` where it was one. */
  readonly changes: string[] = [];
  /** What is answered instead, while a test wants it: gives undefined to let a call pass. */
  refuse: (call: Call) => Answer | undefined = () => undefined;
  readonly #server: Server;
  #url = "";

  private constructor() {
    this.#server = createServer((request, response) => {
      void this.#handle(request).then(({ code, body }) => {
        response.writeHead(code, { "content-type": "application/json" });
        response.end(JSON.stringify(body));
      });
    });
  }

  static async start(): Promise<FakeApiServer> {
    const fake = new FakeApiServer();
    await new Promise<void>((resolve) => fake.#server.listen(0, "127.0.0.1", resolve));
    fake.#url = `http://127.0.0.1:${(fake.#server.address() as AddressInfo).port}`;
    return fake;
  }

  get kubeconfig(): string {
    return JSON.stringify({
      "current-context": "fake",
      contexts: [{ name: "fake", context: { cluster: "fake", user: "fake" } }],
      clusters: [{ name: "fake", cluster: { server: this.#url } }],
      users: [{ name: "fake", user: { token: "fake-token" } }],
    });
  }

  object(path: string): KubernetesObject {
    const object = this.objects.get(path);
    if (object === undefined) throw new Error(`${path} does not exist`);
    return object;
  }

  /** Changes an object as someone else would, who then owns the field. */
  edit(path: string, field: PropertyPath, value: Json | undefined, manager = "someone"): void {
    const edited = withAt(this.object(path), field, value) as KubernetesObject;
    const others = owners(edited).map((entry) => ({
      ...entry,
      fields: entry.fields.filter((owned) => owned !== formatPropertyPath(field)),
    }));
    this.objects.set(
      path,
      withOwners(edited, [...others, { manager, operation: "Update", fields: [formatPropertyPath(field)] }]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? "/", this.#url);
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const call = {
      method: request.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      body: text === "" ? {} : JSON.parse(text),
    };
    if (request.headers.authorization !== "Bearer fake-token")
      return status(401, "Unauthorized", "Unauthorized");
    const dryRun = call.query.get("dryRun") === "All";
    if (call.method !== "GET") this.changes.push(`${call.method} ${call.path}${dryRun ? " (dry run)" : ""}`);
    return this.refuse(call) ?? this.#answer(call, dryRun);
  }

  #answer(call: Call, dryRun: boolean): Answer {
    const kinds = KINDS[call.path];
    if (kinds !== undefined) {
      return {
        code: 200,
        body: { resources: kinds.map(([kind, name, namespaced]) => ({ kind, name, namespaced })) },
      };
    }
    const existing = this.objects.get(call.path);
    if (call.method === "POST") return this.#create(call, dryRun);
    if (existing === undefined) {
      const isCollection = Object.values(KINDS)
        .flat()
        .some(([, plural]) => call.path.endsWith(`/${plural}`));
      if (call.method === "GET" && isCollection) return { code: 200, body: { items: [] } };
      return status(404, "NotFound", `${call.path} not found`);
    }
    if (call.method === "GET") return { code: 200, body: existing };
    if (call.method === "DELETE") {
      for (const path of this.objects.keys())
        if (path === call.path || path.startsWith(`${call.path}/`)) this.objects.delete(path);
      return { code: 200, body: {} };
    }
    return Array.isArray(call.body)
      ? this.#adopt(call.path, existing, call.body as JsonObject[])
      : this.#apply(call, existing, dryRun);
  }

  #create({ path, query, body }: Call, dryRun: boolean): Answer {
    const name = String(getAt(body, ["metadata", "name"]));
    const at = `${path}/${name}`;
    const namespace = /\/namespaces\/([^/]+)\//.exec(at)?.[1];
    if (namespace !== undefined && !this.objects.has(`/api/v1/namespaces/${namespace}`)) {
      return status(404, "NotFound", `namespaces "${namespace}" not found`);
    }
    if (this.objects.has(at))
      return status(409, "AlreadyExists", `${path.split("/").at(-1)} "${name}" already exists`);
    const metadata = { ...(body["metadata"] as JsonObject), uid: randomUUID(), generation: 1 };
    const object = { ...body, metadata } as unknown as KubernetesObject;
    const owned = withOwners(object, [
      { manager: query.get("fieldManager") ?? "", operation: "Update", fields: leaves(body) },
    ]);
    if (!dryRun) this.objects.set(at, owned);
    return { code: 201, body: owned };
  }

  #adopt(path: string, existing: KubernetesObject, patch: JsonObject[]): Answer {
    const managedFields = patch.find((item) => item["path"] === "/metadata/managedFields")?.["value"] ?? [];
    const adopted = { ...existing, metadata: { ...existing.metadata, managedFields } } as KubernetesObject;
    this.objects.set(path, adopted);
    return { code: 200, body: adopted };
  }

  #apply({ path, query, body }: Call, existing: KubernetesObject, dryRun: boolean): Answer {
    const manager = query.get("fieldManager") ?? "";
    const wanted = leaves(body);
    const all = owners(existing);
    const mine = all.find((entry) => entry.manager === manager && entry.operation === "Apply");
    const differs = (field: string) => !sameJson(getAt(existing, parse(field)), getAt(body, parse(field)));
    const conflicts = all
      .filter((entry) => entry !== mine)
      .flatMap((entry) => {
        const fields = entry.fields.filter((field) => wanted.includes(field) && differs(field));
        return fields.map((field) => ({
          reason: "FieldManagerConflict",
          message: `conflict with "${entry.manager}" using v1`,
          field,
        }));
      });
    if (conflicts.length > 0 && query.get("force") !== "true") {
      const text = conflicts.map(({ message, field }) => `${message}: .${field}`).join("\n");
      return status(409, "Conflict", `Apply failed with ${conflicts.length} conflict: ${text}`, conflicts);
    }
    const dropped = (mine?.fields ?? []).filter((field) => !wanted.includes(field));
    let object: Json = existing;
    for (const field of dropped) object = withAt(object, parse(field), undefined);
    for (const field of wanted) object = withAt(object, parse(field), getAt(body, parse(field)));
    const others = all
      .filter((entry) => entry !== mine)
      .map((entry) => ({
        ...entry,
        fields: entry.fields.filter((field) => !wanted.includes(field) || !differs(field)),
      }));
    const applied = withOwners(object as KubernetesObject, [
      ...others,
      { manager, operation: "Apply", fields: wanted },
    ]);
    if (!dryRun) this.objects.set(path, applied);
    return { code: 200, body: applied };
  }
}

type Owner = { manager: string; operation: string; fields: string[] };

/** Field sets as the API server writes them: nested `f:` keys. */
function withOwners(object: KubernetesObject, entries: Owner[]): KubernetesObject {
  const managedFields = entries
    .filter(({ fields }) => fields.length > 0)
    .map(({ manager, operation, fields }) => ({
      manager,
      operation,
      fieldsV1: fields.reduce<Json>(
        (set, field) =>
          withAt(
            set,
            parse(field).map((part) => `f:${part}`),
            {},
          ),
        {},
      ),
    }));
  return { ...object, metadata: { ...object.metadata, managedFields } } as KubernetesObject;
}

function owners(object: KubernetesObject): Owner[] {
  const entries = (object.metadata["managedFields"] ?? []) as {
    manager: string;
    operation: string;
    fieldsV1: JsonObject;
  }[];
  return entries.map(({ manager, operation, fieldsV1 }) => ({ manager, operation, fields: names(fieldsV1) }));
}

function names(set: JsonObject, path: PropertyPath = []): string[] {
  const entries = Object.entries(set);
  if (entries.length === 0) return [formatPropertyPath(path)];
  return entries.flatMap(([key, inner]) => names(inner as JsonObject, [...path, key.slice(2)]));
}

/** Everything that is no object is a leaf; lists are taken as a whole. An empty object says nothing. */
function leaves(body: JsonObject): string[] {
  const walk = (value: Json, path: PropertyPath): string[] =>
    isObject(value)
      ? Object.entries(value).flatMap(([key, item]) => walk(item, [...path, key]))
      : [formatPropertyPath(path)];
  const identity = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];
  return walk(body, []).filter((field) => !identity.includes(field));
}

function parse(field: string): PropertyPath {
  return [...field.matchAll(/\["([^"]*)"\]|([^.[\]"]+)/g)].map(([, quoted, key]) => quoted ?? key ?? "");
}

function status(code: number, reason: string, message: string, causes: unknown[] = []): Answer {
  return { code, body: { kind: "Status", code, reason, message, details: { causes } } };
}

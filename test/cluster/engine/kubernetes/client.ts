import http from "node:http";
import https from "node:https";
import type { JsonObject } from "../wire.ts";
import type { Connection } from "./kubeconfig.ts";

/** An object as the API server gives it. */
export type KubernetesObject = JsonObject & {
  apiVersion: string;
  kind: string;
  metadata: JsonObject & { name: string; namespace?: string; uid?: string; generation?: number };
};

/** What the API server answered instead of an object: its Status. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly causes: { reason?: string; message?: string; field?: string }[];

  constructor(
    code: number,
    status: { message?: string; reason?: string; details?: { causes?: ApiError["causes"] } },
  ) {
    super(status.message ?? `the API server answered ${code}`);
    this.code = code;
    this.reason = status.reason ?? "";
    this.causes = status.details?.causes ?? [];
  }
}

export class UnreachableError extends Error {}

/** The kind is not served, or not yet: its definition may still be on the way. */
export class NoMatchError extends Error {}

export type ResourceKind = { readonly path: string; readonly name: string; readonly namespaced: boolean };

type Request = {
  readonly method: string;
  readonly path: string;
  readonly query?: Record<string, string | undefined>;
  readonly body?: unknown;
  readonly contentType?: string;
};

export class KubernetesClient {
  readonly connection: Connection;
  readonly #agent: https.Agent | http.Agent;
  readonly #warn: (message: string) => void;
  readonly #kinds = new Map<string, Promise<ResourceKind[]>>();

  constructor(connection: Connection, warn: (message: string) => void) {
    this.connection = connection;
    this.#warn = warn;
    const { ca, cert, key, serverName, insecure } = connection;
    this.#agent = connection.server.startsWith("https:")
      ? new https.Agent({
          keepAlive: true,
          rejectUnauthorized: !insecure,
          ...(ca === undefined ? {} : { ca }),
          ...(cert === undefined || key === undefined ? {} : { cert, key }),
          ...(serverName === undefined ? {} : { servername: serverName }),
        })
      : new http.Agent({ keepAlive: true });
  }

  close(): void {
    this.#agent.destroy();
  }

  async get(
    apiVersion: string,
    kind: string,
    namespace: string | undefined,
    name: string,
  ): Promise<KubernetesObject> {
    return this.request({ method: "GET", path: await this.pathOf(apiVersion, kind, namespace, name) });
  }

  async find(...place: Parameters<KubernetesClient["get"]>): Promise<KubernetesObject | undefined> {
    try {
      return await this.get(...place);
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return undefined;
      throw error;
    }
  }

  async list(
    apiVersion: string,
    kind: string,
    namespace: string,
    selector: string,
  ): Promise<KubernetesObject[]> {
    const path = await this.pathOf(apiVersion, kind, namespace);
    const query = { labelSelector: selector };
    return (await this.request<{ items: KubernetesObject[] }>({ method: "GET", path, query })).items;
  }

  async pathOf(apiVersion: string, kind: string, namespace?: string, name?: string): Promise<string> {
    const { path, name: plural, namespaced } = await this.kind(apiVersion, kind);
    const place = namespaced
      ? `/namespaces/${encodeURIComponent(namespace ?? this.connection.namespace)}`
      : "";
    return `${path}${place}/${plural}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;
  }

  async kind(apiVersion: string, kind: string): Promise<ResourceKind> {
    const path = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const load = async () => {
      const { resources } = await this.request<{ resources: (ResourceKind & { kind: string })[] }>({
        method: "GET",
        path,
      });
      return resources.filter(({ name }) => !name.includes("/")).map((item) => ({ ...item, path }));
    };
    if (!this.#kinds.has(path)) this.#kinds.set(path, load());
    try {
      const kinds = (await this.#kinds.get(path)) as (ResourceKind & { kind: string })[];
      const found = kinds.find((item) => item.kind === kind);
      if (found !== undefined) return found;
    } catch (error) {
      this.#kinds.delete(path);
      if (!(error instanceof ApiError && error.code === 404)) throw error;
    }
    // Not remembered: a definition made a moment later must be found.
    this.#kinds.delete(path);
    throw new NoMatchError(`no matches for kind "${kind}" in version "${apiVersion}"`);
  }

  request<T = KubernetesObject>({ method, path, query, body, contentType }: Request): Promise<T> {
    const url = new URL(this.connection.server.replace(/\/$/, "") + path);
    for (const [key, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, value);
    }
    const token = this.connection.token();
    const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers = {
      accept: "application/json",
      // The length is said, as Node would not frame the body of a DELETE by itself.
      ...(content === undefined
        ? {}
        : { "content-type": contentType ?? "application/json", "content-length": content.length }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const transport = url.protocol === "https:" ? https : http;
    const request = transport.request(
      url,
      { method, headers, agent: this.#agent, timeout: 30_000 },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          for (const warning of [response.headers["warning"] ?? []].flat())
            this.#warn(textOfWarning(warning));
          const text = Buffer.concat(chunks).toString("utf8");
          const code = response.statusCode ?? 0;
          try {
            const answer = JSON.parse(text);
            if (code >= 400) reject(new ApiError(code, answer));
            else resolve(answer);
          } catch {
            reject(new ApiError(code, { message: text.slice(0, 500) }));
          }
        });
      },
    );
    request.on("timeout", () => request.destroy(new Error("timed out after 30 s")));
    request.on("error", (error) => {
      reject(new UnreachableError(`configured Kubernetes cluster is unreachable: ${error.message}`));
    });
    request.end(content);
    return promise;
  }
}

/** `299 - "text"` is how the API server wraps a warning. */
function textOfWarning(header: string): string {
  const quoted = /^\d{3} \S+ "((?:[^"\\]|\\.)*)"/.exec(header)?.[1];
  return quoted?.replace(/\\(.)/g, "$1") ?? header;
}

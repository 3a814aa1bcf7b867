import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { parse } from "yaml";

/** How to reach one API server, and as whom. */
export type Connection = {
  readonly server: string;
  readonly namespace: string;
  readonly ca?: string;
  readonly insecure: boolean;
  readonly serverName?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Asked before each request: token files rotate. */
  readonly token: () => string | undefined;
  /** The cluster's stanza as written: another one means another cluster. */
  readonly cluster: string;
};

type Named<K extends string> = { name: string } & { [key in K]?: Record<string, unknown> };
type Kubeconfig = {
  "current-context"?: string;
  clusters?: Named<"cluster">[];
  contexts?: Named<"context">[];
  users?: Named<"user">[];
};

/** Reads the content of a kubeconfig, or the file it names. */
export function readKubeconfig(content: string, wanted?: { context?: string; cluster?: string }): Connection {
  const fromFile = !content.includes("\n") && existsSync(content);
  const base = fromFile ? dirname(content) : process.cwd();
  const config = parse(fromFile ? readFileSync(content, "utf8") : content) as Kubeconfig;
  const contextName = wanted?.context ?? config["current-context"];
  const context = config.contexts?.find(({ name }) => name === contextName)?.context;
  if (context === undefined)
    throw new Error(`context "${contextName ?? ""}" does not exist in the kubeconfig`);
  const clusterName = wanted?.cluster ?? context["cluster"];
  const cluster = config.clusters?.find(({ name }) => name === clusterName)?.cluster;
  if (cluster === undefined)
    throw new Error(`cluster "${String(clusterName)}" does not exist in the kubeconfig`);
  const user = config.users?.find(({ name }) => name === context["user"])?.user ?? {};
  for (const unsupported of ["exec", "auth-provider", "username"]) {
    if (unsupported in user)
      throw new Error(`the stand-in cannot authenticate by "${unsupported}" of a kubeconfig`);
  }

  const text = (source: Record<string, unknown>, key: string) => source[key] as string | undefined;
  const file = (path: string) => readFileSync(isAbsolute(path) ? path : join(base, path), "utf8");
  const material = (source: Record<string, unknown>, key: string) => {
    const inline = text(source, `${key}-data`);
    if (inline !== undefined) return Buffer.from(inline, "base64").toString("utf8");
    const path = text(source, key);
    return path === undefined ? undefined : file(path);
  };
  const tokenFile = text(user, "tokenFile");
  return defined({
    server: text(cluster, "server") ?? "",
    namespace: text(context, "namespace") ?? "default",
    ca: material(cluster, "certificate-authority"),
    insecure: cluster["insecure-skip-tls-verify"] === true,
    serverName: text(cluster, "tls-server-name"),
    cert: material(user, "client-certificate"),
    key: material(user, "client-key"),
    token: () => (tokenFile === undefined ? text(user, "token") : file(tokenFile).trim()),
    cluster: JSON.stringify(cluster),
  });
}

/** What a pod is given by its cluster. */
export function inClusterConnection(env: NodeJS.ProcessEnv): Connection | undefined {
  const host = env["KUBERNETES_SERVICE_HOST"];
  const folder = "/var/run/secrets/kubernetes.io/serviceaccount";
  if (host === undefined || !existsSync(`${folder}/token`)) return undefined;
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${env["KUBERNETES_SERVICE_PORT"] ?? "443"}`;
  return {
    server,
    namespace: readFileSync(`${folder}/namespace`, "utf8").trim(),
    ca: readFileSync(`${folder}/ca.crt`, "utf8"),
    insecure: false,
    token: () => readFileSync(`${folder}/token`, "utf8").trim(),
    cluster: server,
  };
}

function defined<T extends object>(value: { [key in keyof T]: T[key] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T;
}

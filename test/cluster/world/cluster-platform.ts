/**
 * Headgate as its operators run it, around the cluster of the suite: the control plane as a process on the host with
 * a real Postgres, provisioning through Pulumi, and a simulated provider that pods can reach.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@headgate/sdk";
import { tenantNamespace } from "@headgate/sdk/contract";
import type { Agent } from "undici";
import { type SimulatedProvider, startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { type ControlPlaneProcess, startControlPlane } from "../../harness/planes.ts";
import { type PostgresServer, postgresUrl, startPostgres } from "../../harness/postgres.ts";
import { buildImages } from "../images/build-images.ts";
import type { ClusterNode } from "../node/cluster-node.ts";
import { clusterAgent } from "./cluster-dns.ts";
import { clusterSettingsOf, REGION } from "./cluster-settings.ts";
import { type Engine, findEngine } from "./engine.ts";
import { ensurePriorityClasses } from "./priority-classes.ts";

export type Client = ReturnType<typeof createClient>;
export type Images = Awaited<ReturnType<typeof buildImages>>["images"];

export interface ClusterPlatform extends AsyncDisposable {
  readonly node: ClusterNode;
  readonly engine: Engine;
  readonly images: Images;
  readonly provider: SimulatedProvider;
  readonly postgres: PostgresServer;
  /** The API, as the operator. */
  readonly operator: Client;
  readonly operatorToken: string;
  readonly url: string;
  /** For calls from this host to services of the cluster by their names. */
  readonly agent: Agent;
  /** The control plane that runs now. */
  readonly controlPlane: () => ControlPlaneProcess;
  /** SIGKILL to the control plane, worker included; what it has started lives on or dies as it would. */
  kill(): Promise<void>;
  /** Starts the control plane again, on the same port and over the same data. */
  start(env?: Readonly<Record<string, string>>): Promise<void>;
}

export interface ClusterPlatformOptions {
  readonly node: ClusterNode;
  /** Further settings of the control plane, by their names in the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

const RESOLVER = "10.96.0.10";
const PROVIDER_CREDENTIALS = { "sk-simulated-acme": "acme" };

export async function startClusterPlatform(options: ClusterPlatformOptions): Promise<ClusterPlatform> {
  const { node } = options;
  await using undo = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "hg-cluster-"));
  undo.defer(() => rmSync(directory, { recursive: true, force: true }));
  const engine = await findEngine();
  await ensurePriorityClasses(node);
  const { images } = await buildImages(() => undefined);
  for (const { archive, name } of [images.dataPlane, images.collector]) await node.importImage(archive, name);
  const postgres = undo.use(await startPostgres());
  const provider = undo.use(
    await startSimulatedProvider({ host: node.address, credentials: PROVIDER_CREDENTIALS }),
  );
  const agent = clusterAgent(RESOLVER);
  undo.defer(() => agent.destroy());

  const passphraseFile = join(directory, "passphrase");
  writeFileSync(passphraseFile, "a passphrase of the suite", { mode: 0o600 });
  mkdirSync(join(directory, "pulumi-state"));
  let controlPlane: ControlPlaneProcess | undefined;
  let port = 0;
  const start = async (env: Readonly<Record<string, string>> = {}) => {
    controlPlane = await startControlPlane({
      directory: join(directory, "control-plane"),
      databaseUrl: postgresUrl(postgres.directory, "postgres"),
      driver: "pulumi",
      port,
      env: {
        PATH: engine.path,
        HEADGATE_HOST: node.address,
        HEADGATE_PRIVATE_NETWORKS: `${node.address}/32`,
        HEADGATE_PULUMI_BACKEND: `file://${join(directory, "pulumi-state")}`,
        HEADGATE_PULUMI_PASSPHRASE_FILE: passphraseFile,
        HEADGATE_DATA_PLANE_IMAGE: images.dataPlane.ref,
        HEADGATE_COLLECTOR_IMAGE: images.collector.ref,
        ...options.env,
        ...env,
      },
    });
    port = Number(new URL(controlPlane.url).port);
  };
  await start();
  const running = () => {
    if (controlPlane === undefined) throw new Error("the control plane does not run");
    return controlPlane;
  };
  undo.defer(async () => {
    const left = await tenantNamespaces(running());
    await controlPlane?.[Symbol.asyncDispose]();
    await removeNamespaces(node, left);
  });
  const { url, operatorToken } = running();
  const operator = createClient({ url, credential: operatorToken });
  await operator.regions.put({
    name: REGION,
    cluster: clusterSettingsOf(node, url),
    issuer: { url: node.issuer.url, jwks: await jwksOf(node) },
    access: { kubeconfig: node.kubeconfig.content },
  });
  const end = undo.move();
  return {
    ...{ node, engine, images, provider, postgres, operator, operatorToken, url, agent, start },
    controlPlane: running,
    kill: async () => {
      await running().process.kill("SIGKILL");
      controlPlane = undefined;
    },
    [Symbol.asyncDispose]: () => end.disposeAsync(),
  };
}

/**
 * Pods first, and without the patience of a drain: a namespace that is deleted with its pods is looked at again only after
 * half of the longest grace that they have.
 */
async function removeNamespaces({ kubectl }: ClusterNode, namespaces: readonly string[]): Promise<void> {
  const patience = ["--ignore-not-found", "--wait=true", "--timeout=120s"];
  await Promise.all(
    namespaces.map(async (namespace) => {
      const all = ["-n", namespace, "delete", "--all", ...patience];
      for (const owner of ["deployments", "replicasets"]) await kubectl([...all, "--cascade=orphan", owner]);
      await kubectl([...all, "--grace-period=1", "pods"]);
      await kubectl(["delete", "namespace", namespace, ...patience]);
    }),
  );
}

/** Of all tenants that there are, whether anything is left of them or not. */
async function tenantNamespaces({ url, operatorToken }: ControlPlaneProcess): Promise<string[]> {
  const api = createClient({ url, credential: operatorToken });
  const namespaces: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.tenants.list({ limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    namespaces.push(...page.items.map(({ id }) => tenantNamespace(id)));
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return namespaces;
}

async function jwksOf(node: ClusterNode): Promise<{ keys: Record<string, unknown>[] }> {
  const { keys } = await node.issuer.jwks();
  return { keys: keys.map((key) => ({ ...key })) };
}

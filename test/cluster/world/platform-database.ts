/** Postgres on the host of the cluster, as a region's database is: by a name, over TLS, with logins of the control plane's own. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { postgresUrl, startPostgres } from "../../harness/postgres.ts";
import { issue, makeRoot } from "../node/certificates.ts";
import type { ClusterNode } from "../node/cluster-node.ts";

export interface PlatformDatabase extends AsyncDisposable {
  /** By which the pods of each part find it, once `objects` are there. */
  readonly urls: Readonly<Record<keyof typeof LOGINS, string>>;
  /** PEM of the authority that its certificate is checked by. */
  readonly ca: string;
  /** What gives it its name in the cluster. */
  readonly objects: readonly object[];
  readonly port: number;
}

const PORT = 5_432;
const LOGINS = { migrations: "headgate", api: "headgate_api", worker: "headgate_worker" };

export async function startPlatformDatabase(
  node: Pick<ClusterNode, "kind" | "address" | "podCidr">,
  namespace: string,
): Promise<PlatformDatabase> {
  await using undo = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "hg-platform-database-"));
  undo.defer(() => rmSync(directory, { recursive: true, force: true }));
  const name = `postgres.${namespace}.svc`;
  const root = makeRoot(directory, "database-ca");
  const certificate = issue(directory, "database", {
    root,
    subject: `/CN=${name}`,
    alternatives: [`DNS:${name}`],
  });
  // Another cluster's nodes may put their own address before those of their pods.
  const network = node.kind === "own" ? node.podCidr : "0.0.0.0/0";
  const server = undo.use(await startPostgres({ tcp: { host: node.address, network, certificate } }));
  const password = randomBytes(16).toString("hex");
  await makeLogins(postgresUrl(server.directory, "postgres"), password);
  const urlOf = (login: string) => `postgres://${login}:${password}@${name}:${PORT}/headgate`;
  const end = undo.move();
  return {
    urls: { migrations: urlOf(LOGINS.migrations), api: urlOf(LOGINS.api), worker: urlOf(LOGINS.worker) },
    ca: readFileSync(root.cert, "utf8"),
    objects: named({ name: "postgres", namespace }, node.address),
    port: PORT,
    [Symbol.asyncDispose]: () => end.disposeAsync(),
  };
}

/** As the guide has the platform team do it. */
async function makeLogins(connectionString: string, password: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(`CREATE ROLE ${LOGINS.migrations} LOGIN CREATEROLE PASSWORD '${password}'`);
    for (const login of [LOGINS.api, LOGINS.worker])
      await client.query(`CREATE ROLE ${login} LOGIN PASSWORD '${password}'`);
    await client.query(`CREATE DATABASE headgate OWNER ${LOGINS.migrations}`);
  } finally {
    await client.end();
  }
}

/** A Service without pods: its only endpoint is the host. */
function named(metadata: { readonly name: string; readonly namespace: string }, address: string): object[] {
  const labels = { "kubernetes.io/service-name": metadata.name };
  return [
    { apiVersion: "v1", kind: "Service", metadata, spec: { ports: [{ name: "postgres", port: PORT }] } },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { ...metadata, labels },
      addressType: "IPv4",
      ports: [{ name: "postgres", port: PORT }],
      endpoints: [{ addresses: [address] }],
    },
  ];
}

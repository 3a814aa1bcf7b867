/**
 * Headgate altogether on the cluster of the suite: `base` and `platform` brought up as the platform team does it, with a
 * database and a simulated provider on the host. On the suite's own node the test enforcer judges what pods call, and all
 * there is must get along with the NetworkPolicies. It wants the cluster to itself: admission policies hold everywhere.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BaseOutputs, baseOutputs, baseProgram } from "@headgate/infra/base";
import { type PlatformOutputs, platformOutputs, platformProgram } from "@headgate/infra/platform";
import type { Stack } from "@pulumi/pulumi/automation/index.js";
import { type SimulatedProvider, startSimulatedProvider } from "../../doubles/provider/simulated-provider.ts";
import { until } from "../../harness/until.ts";
import { buildImages } from "../images/build-images.ts";
import { startEnforcer } from "../network-policy/enforcer.ts";
import type { ClusterNode } from "../node/cluster-node.ts";
import type { Images } from "./cluster-platform.ts";
import { type Engine, findEngine } from "./engine.ts";
import { type PlatformDatabase, startPlatformDatabase } from "./platform-database.ts";
import { apiServerOf, BY_HAND, baseSettings, platformSettings, SYSTEM } from "./platform-settings.ts";
import { platformStack } from "./platform-stack.ts";
import { removePriorityClasses } from "./priority-classes.ts";

export interface PlatformPrograms extends AsyncDisposable {
  readonly engine: Engine;
  readonly images: Images;
  readonly provider: SimulatedProvider;
  readonly operatorToken: string;
  readonly base: Stack;
  readonly platform: Stack;
  readonly baseOutputs: BaseOutputs;
  readonly platformOutputs: PlatformOutputs;
}

const PROVIDER_CREDENTIALS = { "sk-simulated-acme": "acme" };

/** Brings up both, `base` first. What is left of them at the end is taken down, whatever state it is in. */
export async function startPlatformPrograms(node: ClusterNode): Promise<PlatformPrograms> {
  await until(
    { what: "there are no tenants of anybody else's", seconds: 60 },
    async () => (await tenantNamespaces(node)).length === 0,
  );
  await using undo = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "hg-platform-programs-"));
  undo.defer(() => rmSync(directory, { recursive: true, force: true }));
  const engine = await findEngine();
  const { images } = await buildImages(() => undefined);
  for (const name of ["controlPlane", "worker", "dataPlane", "collector", "valkey"] as const)
    await node.importImage(images[name].archive, images[name].name);
  const provider = undo.use(
    await startSimulatedProvider({ host: node.address, credentials: PROVIDER_CREDENTIALS }),
  );
  const database = undo.use(await startPlatformDatabase(node, SYSTEM));
  await removePriorityClasses(node);
  if (node.kind === "own") {
    const enforcer = await startEnforcer({ kubeconfig: node.kubeconfig.path });
    undo.defer(() => enforcer.stop());
  }

  const access = { kubeconfig: node.kubeconfig.content };
  const valkeyPassword = randomBytes(24).toString("hex");
  const world = { node, images, apiServer: await apiServerOf(node) };
  const inBase = baseProgram(baseSettings(world), access, { valkeyPassword });
  const base = await platformStack({
    ...{ engine, directory, project: "headgate-base" },
    program: async () => ({ base: await inBase() }),
  });
  undo.defer(() => removeTenants(node));
  undo.defer(async () => void (await base.destroy()));
  const settled = await base.up();

  const operatorToken = `hgo_${randomBytes(20).toString("hex")}`;
  await node.kubectl(["create", "-f", "-"], objectsByHand(database, operatorToken));
  const inPlatform = platformProgram(platformSettings(world, database.port), access);
  const platform = await platformStack({
    ...{ engine, directory, project: "headgate-platform" },
    program: async () => ({ platform: await inPlatform() }),
  });
  undo.defer(async () => void (await platform.destroy()));
  const running = await platform.up();
  const end = undo.move();
  return {
    ...{ engine, images, provider, operatorToken, base, platform },
    baseOutputs: baseOutputs.parse(settled.outputs["base"]?.value),
    platformOutputs: platformOutputs.parse(running.outputs["platform"]?.value),
    [Symbol.asyncDispose]: () => end.disposeAsync(),
  };
}

/** What the guide has the platform team put into the namespace between the two programs. */
function objectsByHand({ urls, ca, objects }: PlatformDatabase, operatorToken: string): object[] {
  const verified = "sslmode=verify-full&sslrootcert=/var/run/headgate/database-ca/ca.crt";
  const secret = (name: string, stringData: Readonly<Record<string, string>>) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: SYSTEM },
    stringData,
  });
  return [
    ...objects,
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: BY_HAND.ca, namespace: SYSTEM },
      data: { "ca.crt": ca },
    },
    secret(
      BY_HAND.database,
      Object.fromEntries(Object.entries(urls).map(([part, url]) => [`${part}-url`, `${url}?${verified}`])),
    ),
    secret(BY_HAND.secret, {
      "platform-key": randomBytes(32).toString("base64"),
      "operator-token": operatorToken,
      "pulumi-passphrase": "a passphrase of the worker",
      "pulumi-backend": `${urls.migrations}?table=pulumi_state&${verified}`,
    }),
  ];
}

/** Only where a test has failed is there any. Once `base` is gone, everybody may. */
async function removeTenants({ kubectl }: Pick<ClusterNode, "kubectl">): Promise<void> {
  for (const namespace of await tenantNamespaces({ kubectl })) {
    await kubectl(["-n", namespace, "delete", "deployments", "--all"]);
    await kubectl(["-n", namespace, "delete", "pods", "--all", "--grace-period=0", "--force"]);
    await kubectl(["delete", "namespace", namespace, "--wait=true", "--timeout=120s"]);
  }
}

async function tenantNamespaces({ kubectl }: Pick<ClusterNode, "kubectl">): Promise<string[]> {
  const names = await kubectl(["get", "namespaces", "-l", "headgate.dev/tenant-id", "-o", "name"]);
  return names
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.replace("namespace/", ""));
}

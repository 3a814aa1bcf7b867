/**
 * The NetworkPolicies of tenants and agents, read literally. No network plugin is at work here: a test double judges
 * connections (test/cluster/network-policy), and only for as long as it takes to see what comes of it, for it judges the
 * whole node.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../harness/until.ts";
import { startEnforcer } from "../network-policy/enforcer.ts";
import { type Outcome, type PodPlace, probe, requestFrom } from "../network-policy/probe.ts";
import {
  serviceUrl,
  startWalledTenants,
  type WalledTenant,
  type WalledTenants,
} from "../network-policy/walled-tenants.ts";
import { injectedCluster } from "../node/injected.ts";
import { recordFigure } from "../report.ts";
import { dataPlanePods, isReady } from "../world/pods.ts";

type Caller = keyof WalledTenants["callers"];
type Place = keyof WalledTenants["targets"];

const OUTSIDE: readonly Place[] = [
  "names",
  "the resolver",
  "the control plane",
  "another port of the host",
  "the kubelet",
  "the API server's service",
  "the API server",
  "a provider that the operator allows",
  "the internet, 443",
  "the internet, 80",
  "the cloud's metadata",
  "another pod",
  "a pod that passes for a data plane",
  "a resolver of another pod",
];
const WALLED: readonly Place[] = [
  "acme's traffic port",
  "acme's admin port",
  "globex's traffic port",
  "globex's admin port",
  "acme's agent",
  "acme's stray pod",
];
const NAMES: readonly Place[] = ["names", "the resolver"];
const DATA_PLANE_NEEDS: readonly Place[] = [
  ...NAMES,
  "the control plane",
  "a provider that the operator allows",
  "the internet, 443",
];
const without = (place: Place) => [...OUTSIDE, ...WALLED].filter((other) => other !== place);

/** All that each needs: whatever else it tries must be refused. Who has no walls of its own is tried on others' alone. */
const CALLERS: Record<Caller, { readonly tries: readonly Place[]; readonly needs: readonly Place[] }> = {
  "the gateway": { tries: WALLED, needs: ["acme's traffic port", "globex's traffic port"] },
  monitoring: { tries: WALLED, needs: ["acme's admin port", "globex's admin port"] },
  "a pod with our labels elsewhere": { tries: WALLED, needs: [] },
  // What is tried of its own is another replica.
  "acme's data plane": { tries: [...OUTSIDE, ...WALLED], needs: DATA_PLANE_NEEDS },
  "globex's data plane": { tries: [...OUTSIDE, ...WALLED], needs: DATA_PLANE_NEEDS },
  "acme's agent": { tries: without("acme's agent"), needs: [...NAMES, "acme's traffic port"] },
  "a stray pod in acme's namespace": { tries: without("acme's stray pod"), needs: NAMES },
};
const CALLER_NAMES = Object.keys(CALLERS) as Caller[];

type Outcomes = Record<Caller, Record<string, Outcome>>;

const cluster = injectedCluster();
const world = new AsyncDisposableStack();
let unwalled: Outcomes;
let walled: Outcomes;
/** What a call to a tenant's service is answered behind the walls, by who calls whom. */
let calls: Record<string, string>;
let replaced: boolean;

const skipped = cluster.kind === "given";
const why = skipped ? " (skipped: it judges the pods of the suite's own node only)" : "";
describe.skipIf(skipped)(`with the test enforcer of NetworkPolicies${why}`, () => {
  beforeAll(async () => {
    const { acme, globex, callers, targets } = await startWalledTenants(cluster, world);
    // A machine in a cloud has such a server, and nobody stands in the way here.
    unwalled = await tryAll({ callers, targets, except: ["the cloud's metadata"] });
    const enforcer = await startEnforcer({ kubeconfig: cluster.kubeconfig.path });
    try {
      await enforcer.settled();
      walled = await tryAll({ callers, targets, except: [] });
      calls = {
        "the gateway to acme": await chat(callers["the gateway"], acme),
        "the gateway to globex": await chat(callers["the gateway"], globex),
        "acme's agent to acme": await chat(callers["acme's agent"], acme),
        "acme's agent to globex": await chat(callers["acme's agent"], globex),
      };
      replaced = await isReplaced(acme, callers["acme's data plane"].pod);
    } finally {
      await enforcer.stop();
    }
    recordFigure("NetworkPolicies", "judged by a test double, not by a network plugin");
  });

  afterAll(() => world.disposeAsync());

  test.each(CALLER_NAMES)("%s gets through to what it needs and is refused everything else", (caller) => {
    const { tries, needs } = CALLERS[caller];
    const expected = tries.map((place) => [place, needs.includes(place) ? "open" : "refused"]);
    expect(walled[caller]).toEqual(Object.fromEntries(expected));
  });

  test.each(CALLER_NAMES)("without it, %s gets through to all of that", (caller) => {
    expect(new Set(Object.values(unwalled[caller]))).toEqual(new Set(["open"]));
  });

  test("data planes serve the gateway and their own agents, and call their provider", () => {
    expect(calls).toEqual({
      "the gateway to acme": "200",
      "the gateway to globex": "200",
      "acme's agent to acme": "200",
      "acme's agent to globex": "EHOSTUNREACH",
    });
  });

  test("a new replica joins, gets its policy snapshot and becomes ready", () => {
    expect(replaced).toBe(true);
  });
});

async function tryAll({
  callers,
  targets,
  except,
}: Pick<WalledTenants, "callers" | "targets"> & { readonly except: readonly Place[] }): Promise<Outcomes> {
  const outcomes = await Promise.all(
    CALLER_NAMES.map(async (caller) => {
      const tried = CALLERS[caller].tries.filter((place) => !except.includes(place));
      const chosen = Object.fromEntries(tried.map((place) => [place, targets[place]]));
      return [caller, await probe(cluster.kubectl, callers[caller], chosen)] as const;
    }),
  );
  return Object.fromEntries(outcomes) as Outcomes;
}

function chat(from: PodPlace, tenant: WalledTenant): Promise<string> {
  const messages = [{ role: "user", content: "How high is the water?" }];
  return requestFrom(cluster.kubectl, from, {
    url: `${serviceUrl(tenant)}/v1/chat/completions`,
    method: "POST",
    headers: { authorization: `Bearer ${tenant.agentKey}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-sim", messages }),
  });
}

/** Deletes a replica; whether another one is ready in its place, in time. */
async function isReplaced({ namespace }: WalledTenant, pod: string): Promise<boolean> {
  const before = new Set((await dataPlanePods(cluster, namespace)).map(({ metadata }) => metadata.uid));
  await cluster.kubectl(["-n", namespace, "delete", "pod", pod, "--wait=false"]);
  return until({ what: "another replica is ready", seconds: 60, everyMs: 300 }, async () => {
    const pods = await dataPlanePods(cluster, namespace);
    return pods.some((found) => isReady(found) && !before.has(found.metadata.uid));
  }).catch(() => false);
}

import fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import type { Manifest } from "../manifest.ts";
import { LABELS } from "../names.ts";
import { PLAN_NAMES, planNumbers } from "../plans.ts";
import { checkTenantStack, readObject } from "../policies/tenant/index.ts";
import { arbitraryPlanNumbers } from "../testing/arbitrary-plan-numbers.ts";
import { makeBareCluster, makeClusterSettings, makeTenantSpec } from "../testing/make-tenant-spec.ts";
import { quantityOf } from "../testing/quantity-of.ts";
import { tenantManifests } from "./manifests.ts";
import { describeTenant } from "./tenant.ts";

const CLUSTERS = { full: makeClusterSettings(), bare: makeBareCluster() };
const cases = PLAN_NAMES.flatMap((plan) =>
  Object.entries(CLUSTERS).map(([name, cluster]) => {
    const manifests = tenantManifests(describeTenant(makeTenantSpec({ plan, cluster })));
    return [plan, name, manifests] as const;
  }),
);
const anyCluster = fc.constantFrom(...Object.values(CLUSTERS));
const anyTenant = fc
  .tuple(arbitraryPlanNumbers, anyCluster)
  .map(([numbers, cluster]) => describeTenant(makeTenantSpec({ cluster }), numbers));

test.each(cases)("%s on a %s cluster, as YAML", async (plan, cluster, manifests) => {
  const text = manifests
    .map((manifest) => stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join("---\n");
  await expect(text).toMatchFileSnapshot(`__snapshots__/${plan}-${cluster}.yaml`);
});

test.each(cases)(
  "%s on a %s cluster: Kubernetes' own schemas take every object",
  async (_, __, manifests) => {
    for (const manifest of manifests.filter(isBuiltIn)) {
      const validate = await validatorOf(manifest);
      expect(() => validate(manifest), manifest.kind).not.toThrow();
      expect(() => validate({ ...manifest, metadata: { ...manifest.metadata, labels: 1 } })).toThrow();
    }
  },
);

test.each(cases)("%s on a %s cluster: our own policies have nothing against it", (_, __, manifests) => {
  const objects = manifests.map((manifest) => readObject("urn", { ...manifest }));
  expect(checkTenantStack(objects.filter((object) => object !== undefined))).toEqual([]);
  expect(objects).toHaveLength(manifests.length);
});

test("every object and every pod says whose it is, and lies in the tenant's namespace", () => {
  fc.assert(
    fc.property(anyTenant, (tenant) => {
      for (const { kind, metadata, ...rest } of tenantManifests(tenant)) {
        expect(kind === "Namespace" ? metadata.name : metadata.namespace).toBe(tenant.namespace);
        const template = (rest as Workload).spec?.template;
        for (const { labels } of [metadata, ...(template === undefined ? [] : [template.metadata])]) {
          expect(labels).toMatchObject({
            [LABELS.tenantId]: tenant.spec.tenantId,
            [LABELS.dataPlaneId]: tenant.spec.dataPlaneId,
            [LABELS.plan]: tenant.spec.plan,
            [LABELS.region]: tenant.spec.cluster.region,
            "app.kubernetes.io/part-of": "headgate",
            "app.kubernetes.io/managed-by": "pulumi",
            "app.kubernetes.io/name": expect.stringMatching(/^(tenant|data-plane|otel-collector)$/),
            "app.kubernetes.io/version": expect.stringMatching(/./),
          });
        }
      }
    }),
  );
});

test("the autoscaler's maximum, the surge, what drains, and the collector fit the quota, whatever the plan", () => {
  fc.assert(
    fc.property(anyTenant, (tenant) => {
      expectToFit(tenantManifests(tenant));
    }),
  );
});

test.each(cases)(
  "%s on a %s cluster fits its quota, which has nothing to spare beyond that",
  (_, __, manifests) => {
    const { needed, hard } = expectToFit(manifests);
    for (const key of ["pods", "requests.cpu", "requests.memory", "limits.memory"]) {
      expect(needed[key], key).toBe(quantityOf(hard[key]));
    }
  },
);

test("every container fits the limits of one, and takes no more memory than it asks for", () => {
  fc.assert(
    fc.property(anyTenant, (tenant) => {
      const manifests = tenantManifests(tenant);
      const { max, min } = find<LimitRange>(manifests, "LimitRange", "tenant").spec.limits[0];
      for (const { requests, limits } of containersIn(manifests).map(({ resources }) => resources)) {
        expect(limits.memory).toBe(requests.memory);
        expect(limits.cpu).toBeUndefined();
        expect(quantityOf(limits.memory)).toBeLessThanOrEqual(quantityOf(max.memory));
        expect(quantityOf(limits["ephemeral-storage"])).toBeLessThanOrEqual(
          quantityOf(max["ephemeral-storage"]),
        );
        expect(quantityOf(requests.cpu)).toBeGreaterThanOrEqual(quantityOf(min.cpu));
        expect(quantityOf(requests.memory)).toBeGreaterThanOrEqual(quantityOf(min.memory));
      }
    }),
  );
});

test("the numbers in the cluster are the plan's", () => {
  for (const plan of PLAN_NAMES) {
    const { replicas, replica } = planNumbers(plan);
    const manifests = tenantManifests(describeTenant(makeTenantSpec({ plan })));
    const { spec } = find<Workload>(manifests, "Deployment", "data-plane");
    const [container] = spec?.template?.spec.containers ?? [];
    expect(container?.resources.requests).toMatchObject({
      cpu: `${replica.cpuMillicores}m`,
      memory: `${replica.memoryMib}Mi`,
    });
    expect(container?.env.find(({ name }) => name === "NODE_OPTIONS")?.value).toBe(
      `--max-old-space-size=${replica.heapMib}`,
    );
    expect(find<Autoscaler>(manifests, "HorizontalPodAutoscaler", "data-plane").spec).toMatchObject({
      minReplicas: replicas.min,
      maxReplicas: replicas.max,
    });
  }
});

interface Amounts {
  readonly cpu?: string;
  readonly memory?: string;
  readonly "ephemeral-storage"?: string;
  readonly [name: string]: string | undefined;
}
interface Container {
  readonly resources: { readonly requests: Amounts; readonly limits: Amounts };
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}
interface Workload extends Manifest {
  readonly spec?: {
    readonly replicas?: number;
    readonly strategy: { readonly rollingUpdate: { readonly maxSurge: number | string } };
    readonly template?: {
      readonly metadata: Manifest["metadata"];
      readonly spec: { readonly containers: readonly Container[] };
    };
  };
}
interface Autoscaler extends Manifest {
  readonly spec: { readonly maxReplicas: number };
}
interface Quota extends Manifest {
  readonly spec: { readonly hard: Amounts };
}
interface LimitRange extends Manifest {
  readonly spec: { readonly limits: readonly [{ readonly max: Amounts; readonly min: Amounts }] };
}

function find<M extends Manifest>(manifests: readonly Manifest[], kind: string, name: string): M {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind}/${name}`);
  return found as M;
}

const containersIn = (manifests: readonly Manifest[]) =>
  manifests.flatMap((manifest) => (manifest as Workload).spec?.template?.spec.containers ?? []);

/** Reckons from the workloads themselves, not from what they were made of. */
function expectToFit(manifests: readonly Manifest[]) {
  const { hard } = find<Quota>(manifests, "ResourceQuota", "tenant").spec;
  const { maxReplicas } = find<Autoscaler>(manifests, "HorizontalPodAutoscaler", "data-plane").spec;
  const needed: Record<string, number> = { pods: 0 };
  for (const { metadata, spec } of manifests.filter(({ kind }) => kind === "Deployment") as Workload[]) {
    const autoscaled = metadata.name === "data-plane";
    expect(spec?.replicas === undefined).toBe(autoscaled);
    const replicas = spec?.replicas ?? maxReplicas;
    const surge = surgeOf(spec?.strategy.rollingUpdate.maxSurge ?? 0, replicas);
    const pods = autoscaled ? Math.max(replicas + surge, 2 * replicas) : replicas + surge;
    needed["pods"] = (needed["pods"] ?? 0) + pods;
    for (const { resources } of spec?.template?.spec.containers ?? []) {
      for (const [kind, amounts] of Object.entries(resources)) {
        for (const [name, amount] of Object.entries(amounts)) {
          const key = `${kind}.${name}`;
          needed[key] = (needed[key] ?? 0) + pods * quantityOf(amount);
        }
      }
    }
  }
  for (const [key, amount] of Object.entries(needed)) {
    needed[key] = Math.round(amount * 1_000) / 1_000;
    expect(needed[key], key).toBeLessThanOrEqual(quantityOf(hard[key]));
  }
  return { needed, hard };
}

const surgeOf = (maxSurge: number | string, replicas: number) =>
  typeof maxSurge === "number" ? maxSurge : Math.ceil((Number(maxSurge.replace("%", "")) / 100) * replicas);

const isBuiltIn = ({ apiVersion }: Manifest) => !/coreos|gateway/.test(apiVersion);

async function validatorOf({ apiVersion, kind }: Manifest): Promise<(manifest: object) => void> {
  const path = `kubernetes-models/${apiVersion}/${kind}`;
  const models = (await import(/* @vite-ignore */ path)) as Record<
    string,
    new (
      manifest: object,
    ) => { validate(): void }
  >;
  const Model = models[kind];
  if (Model === undefined) throw new Error(`no schema of ${kind}`);
  return (manifest) => new Model(manifest).validate();
}

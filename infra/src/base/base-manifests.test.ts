import { clusterSettings } from "@headgate/sdk/contract";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { type Manifest, manifestTitle } from "../manifest.ts";
import { LABELS, priorityClass, SYSTEM_NAMESPACES } from "../names.ts";
import { PLAN_NAMES } from "../plans.ts";
import { baseManifests } from "./base-manifests.ts";
import { baseOutputs, describeBase } from "./base-outputs.ts";
import { collectorConfig } from "./collector-config.ts";
import { isBuiltIn, validateManifest } from "./testing/kubernetes-schemas.ts";
import { makeBareBaseConfig, makeBaseConfig, PASSWORD_OF_TESTS } from "./testing/make-base-config.ts";
import { makeAgentManifests, makeTenantManifests } from "./testing/tenant-objects.ts";

const CONFIGS = { full: makeBaseConfig(), bare: makeBareBaseConfig() };
const cases = Object.entries(CONFIGS).map(
  ([name, config]) => [name, baseManifests(config, { valkeyPassword: PASSWORD_OF_TESTS })] as const,
);
const full = baseManifests(CONFIGS.full, { valkeyPassword: PASSWORD_OF_TESTS });

test.each(cases)("a %s cluster, as YAML", async (name, manifests) => {
  const text = manifests
    .map((manifest) => stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join("---\n");
  await expect(text).toMatchFileSnapshot(`__snapshots__/${name}.yaml`);
});

test.each(cases)("a %s cluster: Kubernetes' own schemas take every object", async (_, manifests) => {
  for (const manifest of manifests.filter(isBuiltIn)) {
    await expect(validateManifest(manifest), manifestTitle(manifest)).resolves.toBeUndefined();
    await expect(
      validateManifest({ ...manifest, metadata: { ...manifest.metadata, labels: 1 as never } }),
    ).rejects.toThrow();
  }
});

test.each(cases)(
  "a %s cluster: every object is there once, labelled, and in a namespace of ours",
  (_, manifests) => {
    const titles = manifests.map(manifestTitle);
    expect(new Set(titles).size).toBe(titles.length);
    for (const { metadata } of manifests) {
      expect(metadata.labels).toMatchObject({
        "app.kubernetes.io/part-of": "headgate",
        "app.kubernetes.io/managed-by": "pulumi",
        [LABELS.region]: "eu-central",
      });
      if (metadata.namespace !== undefined)
        expect(Object.values(SYSTEM_NAMESPACES)).toContain(metadata.namespace);
    }
  },
);

test("what a cluster does not have is not made, and is null in the outputs", () => {
  const kinds = new Set(baseManifests(CONFIGS.bare, { valkeyPassword: "" }).map(({ kind }) => kind));
  for (const kind of [
    "Gateway",
    "HTTPRoute",
    "PodMonitor",
    "PrometheusRule",
    "StatefulSet",
    "Deployment",
    "Secret",
  ])
    expect(kinds).not.toContain(kind);
  expect(describeBase(CONFIGS.bare, [])).toMatchObject({
    valkey: null,
    clusterSettings: { gateway: null, collector: { endpoint: null, exporterEndpoint: null } },
  });
});

test("the outputs hold the settings that a region is registered with, and list every object", () => {
  const outputs = describeBase(CONFIGS.full, full);
  expect(baseOutputs.parse(outputs)).toEqual(outputs);
  expect(clusterSettings.parse(outputs.clusterSettings)).toEqual(outputs.clusterSettings);
  expect(outputs.objects).toEqual(full.map(manifestTitle));
  expect(JSON.stringify(outputs)).not.toContain(PASSWORD_OF_TESTS);
});

describe("walls", () => {
  test("every namespace of the platform is closed in both directions", () => {
    for (const namespace of Object.values(SYSTEM_NAMESPACES)) {
      const { spec } = named("NetworkPolicy", "deny-all", namespace);
      expect(spec).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    }
  });

  test.each([
    ["valkey", SYSTEM_NAMESPACES.data, ["data-plane"]],
    ["otel-collector", SYSTEM_NAMESPACES.monitoring, ["data-plane", "otel-collector"]],
  ])(
    "%s is reached from namespaces of data planes only: an agent's pod cannot pass for one",
    (name, namespace, parts) => {
      const spec = named("NetworkPolicy", name, namespace)["spec"] as { ingress: { from: object[] }[] };
      expect(spec.ingress[0]?.from).toEqual([
        {
          namespaceSelector: { matchLabels: { [LABELS.role]: "data-plane" } },
          podSelector: {
            matchExpressions: [{ key: "app.kubernetes.io/name", operator: "In", values: parts }],
          },
        },
      ]);
    },
  );

  test("every pod meets the restricted Pod Security Standard, has limits, and runs before every tenant's", () => {
    const templates = full.flatMap((manifest) => {
      const template = (manifest["spec"] as { template?: { spec: PodSpec } } | undefined)?.template;
      return template === undefined ? [] : [template.spec];
    });
    expect(templates).toHaveLength(2);
    for (const spec of templates) {
      expect(spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      expect(spec.priorityClassName).toBe(priorityClass("system"));
      for (const { resources, securityContext, image } of spec.containers) {
        expect(resources.limits["memory"]).toBe(resources.requests["memory"]);
        expect(securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
        expect(image).toMatch(/@sha256:/);
      }
    }
  });
});

test("the dearer the plan, the earlier its pods; the cheapest pushes nobody out", () => {
  const value = (plan: string) => Number(named("PriorityClass", priorityClass(plan))["value"]);
  const inOrder = ["starter", "team", "enterprise", "system"];
  expect([...PLAN_NAMES].every((plan) => inOrder.includes(plan))).toBe(true);
  expect(inOrder.toSorted((a, b) => value(a) - value(b))).toEqual(inOrder);
  expect(named("PriorityClass", priorityClass("starter"))["preemptionPolicy"]).toBe("Never");
});

describe("the provisioner's role", () => {
  const rules = named("ClusterRole", "headgate-provisioner")["rules"] as Rule[];
  const verbsOf = (group: string, resource: string) =>
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.includes(group) && resources.includes(resource) ? verbs : [],
    );

  test.each(PLAN_NAMES)(
    "may make, change and delete every kind that a tenant of plan %s consists of",
    (plan) => {
      for (const { apiVersion, kind } of [...makeTenantManifests(plan), ...makeAgentManifests(plan)]) {
        const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
        const resource = kind === "NetworkPolicy" ? "networkpolicies" : `${kind.toLowerCase()}s`;
        expect(verbsOf(group, resource), `${group}/${resource}`).toEqual(
          expect.arrayContaining(["get", "create", "update", "patch", "delete"]),
        );
      }
    },
  );

  test("has no wildcard, no role to give, and does not list Secrets", () => {
    const all = rules.flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs]);
    for (const forbidden of [
      "*",
      "bind",
      "escalate",
      "impersonate",
      "roles",
      "rolebindings",
      "clusterroles",
      "nodes",
    ])
      expect(all).not.toContain(forbidden);
    expect(all.filter((name) => name.includes("/"))).toEqual([]);
    expect(verbsOf("", "secrets").toSorted()).toEqual(["create", "delete", "get", "patch", "update"]);
    expect(verbsOf("", "pods")).toEqual(["get", "list", "watch"]);
  });
});

describe("the collector", () => {
  const config = collectorConfig(required(CONFIGS.full.collector)) as {
    service: { pipelines: Record<string, { processors: string[] }> };
  };

  test.each(["traces", "metrics", "logs"])(
    "%s: memory is guarded first, and claims go before the tenant is stamped on",
    (signal) => {
      const order = required(config.service.pipelines[signal]).processors;
      expect(order[0]).toBe("memory_limiter");
      expect(order.indexOf("resource/forget_claims")).toBeLessThan(order.indexOf("k8s_attributes"));
      expect(order.at(-1)).toBe("filter/unattributed");
    },
  );

  test("takes the tenant from the namespace of whoever is connected, and from nothing that is sent", () => {
    expect(config).toMatchObject({
      processors: {
        "resource/forget_claims": {
          attributes: expect.arrayContaining([{ key: "tenant.id", action: "delete" }]),
        },
        k8s_attributes: {
          pod_association: [{ sources: [{ from: "connection" }] }],
          extract: {
            labels: expect.arrayContaining([
              { tag_name: "tenant.id", key: LABELS.tenantId, from: "namespace" },
            ]),
          },
        },
      },
    });
  });

  test("it exports to the port that its wall lets it out by, where the endpoint names none too", () => {
    const exporter = { endpoint: "https://otlp.observability.example", cidrs: ["10.60.0.0/16"] };
    const collector = { ...required(CONFIGS.full.collector), exporter };
    expect(collectorConfig(collector)).toMatchObject({
      exporters: { otlp_grpc: { endpoint: "otlp.observability.example:443", tls: { insecure: false } } },
    });
    const wall = baseManifests(makeBaseConfig({ collector }), { valkeyPassword: "" }).find(
      ({ kind, metadata }) => kind === "NetworkPolicy" && metadata.name === "otel-collector",
    );
    expect(wall).toMatchObject({
      spec: {
        egress: expect.arrayContaining([
          { to: [{ ipBlock: { cidr: "10.60.0.0/16" } }], ports: [{ protocol: "TCP", port: 443 }] },
        ]),
      },
    });
  });

  test("a changed configuration is a new revision of its pods", () => {
    const annotation = (memoryMib: number) => {
      const collector = { ...required(CONFIGS.full.collector), exporter: null, memoryMib };
      const manifests = baseManifests(makeBaseConfig({ collector }), { valkeyPassword: "" });
      return JSON.stringify(manifests.find(({ kind }) => kind === "Deployment")).match(
        /config-sha256":"(\w+)/,
      )?.[1];
    };
    expect(annotation(512)).not.toBe(
      JSON.stringify(full.find(({ kind }) => kind === "Deployment")).match(/config-sha256":"(\w+)/)?.[1],
    );
    expect(annotation(512)).toBe(annotation(1_024));
  });
});

test("Valkey's password is in its Secret and nowhere else", () => {
  const holders = full.filter((manifest) => JSON.stringify(manifest).includes(PASSWORD_OF_TESTS));
  expect(holders.map(manifestTitle)).toEqual(["Secret/headgate-data/valkey"]);
});

interface Rule {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly verbs: string[];
}

interface PodSpec {
  readonly securityContext: object;
  readonly priorityClassName: string;
  readonly containers: {
    readonly image: string;
    readonly securityContext: object;
    readonly resources: Record<"limits" | "requests", Record<string, string>>;
  }[];
}

function named(kind: string, name: string, namespace?: string): Manifest {
  return required(
    full.find(
      (manifest) =>
        manifest.kind === kind &&
        manifest.metadata.name === name &&
        manifest.metadata.namespace === namespace,
    ),
  );
}

function required<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("not there");
  return value;
}

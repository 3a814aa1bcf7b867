import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { baseConfig } from "../base/base-config.ts";
import { isBuiltIn, validateManifest } from "../base/testing/kubernetes-schemas.ts";
import { makeBaseConfig } from "../base/testing/make-base-config.ts";
import { type Manifest, manifestTitle } from "../manifest.ts";
import { LABELS } from "../names.ts";
import { platformAlerts } from "./alerts.ts";
import { platformManifests } from "./platform-manifests.ts";
import { describePlatform, platformOutputs } from "./platform-outputs.ts";
import { makePlatformConfig } from "./testing/make-platform-config.ts";

const bareConfig = makePlatformConfig({
  gateway: null,
  monitoring: { namespace: "headgate-monitoring", podMonitors: false, rules: false },
  workerEgress: [],
  apiEgress: [],
  privateNetworks: [],
  allowedOrigins: [],
  pulumi: { backend: null },
  database: { ...makePlatformConfig().database, caConfigMap: null },
});
const cases = [
  ["full", platformManifests(makePlatformConfig())],
  ["bare", platformManifests(bareConfig)],
] as const;
const full = cases[0][1];

test.each(cases)("on a %s cluster, as YAML", async (name, manifests) => {
  const text = manifests
    .map((manifest) => stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join("---\n");
  await expect(text).toMatchFileSnapshot(`__snapshots__/${name}.yaml`);
});

test.each(cases)("on a %s cluster: Kubernetes' own schemas take every object", async (_, manifests) => {
  for (const manifest of manifests.filter(isBuiltIn))
    await expect(validateManifest(manifest), manifestTitle(manifest)).resolves.toBeUndefined();
});

test.each(cases)(
  "on a %s cluster: every object is labelled, and in the platform's own namespace",
  (_, manifests) => {
    for (const { metadata } of manifests) {
      expect(metadata.namespace).toBe("headgate-system");
      expect(metadata.labels).toMatchObject({
        "app.kubernetes.io/part-of": "headgate",
        [LABELS.region]: "eu-central",
      });
    }
  },
);

test("the database is migrated before anything of that image starts", () => {
  const at = (kind: string) => full.findIndex((manifest) => manifest.kind === kind);
  expect(at("Job")).toBeGreaterThan(-1);
  expect(at("Job")).toBeLessThan(at("Deployment"));
});

test("each image has a Job of its own, since a Job cannot be changed", () => {
  const nameFor = (image: string) =>
    platformManifests(makePlatformConfig({ image })).find(({ kind }) => kind === "Job")?.metadata.name;
  const image = (digit: string) => `registry.example/x@sha256:${digit.repeat(64)}`;
  expect(nameFor(image("1"))).toBe("migrations-111111111111");
  expect(nameFor(image("2"))).not.toBe(nameFor(image("1")));
});

describe("pods", () => {
  const templates = full.flatMap(({ metadata, spec }) => {
    const template = (spec as { template?: Template } | undefined)?.template;
    return template === undefined ? [] : [[metadata.name, template] as const];
  });

  test("meet the restricted Pod Security Standard, and have limits", () => {
    expect(templates.map(([name]) => name)).toEqual(["migrations-aaaaaaaaaaaa", "api", "worker"]);
    for (const [, { spec }] of templates) {
      expect(spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      expect(spec.containers[0].securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      expect(spec.containers[0].resources.limits).toHaveProperty("memory");
    }
  });

  test("have their secrets as files, each part its own and no other", () => {
    const files = (name: string) =>
      templates
        .filter(([part]) => part.startsWith(name))
        .flatMap(([, { spec }]) => spec.volumes.flatMap(({ secret }) => secret?.items ?? []))
        .map(({ key }) => key);
    expect(files("migrations")).toEqual(["migrations-url"]);
    expect(files("api")).toEqual(["api-url", "platform-key", "operator-token"]);
    expect(files("worker")).toEqual(["worker-url", "platform-key", "pulumi-passphrase"]);
    for (const [, { spec }] of templates) {
      for (const { value } of spec.containers[0].env) expect(value).toBeTypeOf("string");
      for (const { secret } of spec.volumes) if (secret !== undefined) expect(secret.defaultMode).toBe(0o400);
    }
  });

  test("have the database's certificate authorities where its URL looks for them, or none", () => {
    for (const [, { spec }] of templates) {
      const { name } = required(spec.volumes.find(({ configMap }) => configMap !== undefined));
      const mount = required(spec.containers[0].volumeMounts.find((mounted) => mounted.name === name));
      expect(mount).toMatchObject({ mountPath: "/var/run/headgate/database-ca", readOnly: true });
    }
    expect(templates[0]?.[1].spec.volumes).toContainEqual({
      name: "database-ca",
      configMap: { name: "headgate-database-ca", items: [{ key: "ca.crt", path: "ca.crt" }] },
    });
    expect(JSON.stringify(platformManifests(bareConfig))).not.toContain("database-ca");
  });

  test("have no token of the API server's, but for the worker, whom base knows as its provisioner", () => {
    const mounting = templates.filter(([, { spec }]) => spec.automountServiceAccountToken);
    expect(mounting.map(([, { spec }]) => spec.serviceAccountName)).toEqual(["worker"]);
    const base = baseConfig.parse({ ...makeBaseConfig(), admission: { registries: ["r.example"] } });
    expect(base.admission.provisioners).toEqual([describePlatform(makePlatformConfig(), full).provisioner]);
  });

  test("the worker has room for all its operations, and time for the longest of them", () => {
    const config = makePlatformConfig({
      worker: { ...makePlatformConfig().worker, operations: 8, operationSecondsMax: 600 },
    });
    const { template } = named("Deployment", "worker", platformManifests(config))["spec"] as {
      template: Template;
    };
    const { spec } = template;
    expect(spec.containers[0].resources.limits["memory"]).toBe(`${512 + 8 * 450}Mi`);
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(600);
  });
});

test("how many replicas of the API there are is the autoscaler's to say", () => {
  expect(named("Deployment", "api")["spec"]).not.toHaveProperty("replicas");
  expect(named("HorizontalPodAutoscaler", "api")["spec"]).toMatchObject({ minReplicas: 2, maxReplicas: 6 });
});

test("the API goes to no cluster, and the worker is called by nobody but who reads metrics", () => {
  const spec = (name: string) =>
    named("NetworkPolicy", name)["spec"] as { ingress?: unknown[]; egress: unknown[] };
  expect(JSON.stringify(spec("api").egress)).not.toContain("10.40.0.0/20");
  expect(spec("worker").ingress).toHaveLength(1);
  expect(spec("migrations").ingress).toBeUndefined();
});

test("every metric that an alert names is one that the control plane documents", () => {
  const documented = readFileSync(new URL("../../../control-plane/docs/metrics.md", import.meta.url), "utf8");
  for (const { alert, expr } of platformAlerts()) {
    const names = expr.match(/headgate_[a-z_]+/g) ?? [];
    for (const name of names) expect(documented, alert).toContain(`\`${name.replace(/_bucket$/, "")}\``);
    if (names.length === 0) expect(expr).toMatch(/^absent\(up\{job="headgate-system\/(api|worker)"\}/);
  }
});

test("alerts watch jobs that there are", () => {
  const jobs = full.flatMap(({ kind, metadata }) =>
    kind === "PodMonitor" ? [`headgate-system/${metadata.name}`] : [],
  );
  const watched = platformAlerts().flatMap(({ expr }) =>
    [...expr.matchAll(/job="([^"]+)"/g)].map(([, job]) => job),
  );
  expect(new Set(watched)).toEqual(new Set(jobs));
});

test("the outputs list every object, and hold nothing else than the schema has", () => {
  const outputs = describePlatform(makePlatformConfig(), full);
  expect(platformOutputs.parse(outputs)).toEqual(outputs);
  expect(outputs.objects).toEqual(full.map(manifestTitle));
});

interface Template {
  readonly spec: {
    readonly securityContext: object;
    readonly automountServiceAccountToken: boolean;
    readonly serviceAccountName: string;
    readonly terminationGracePeriodSeconds: number;
    readonly volumes: {
      readonly name: string;
      readonly secret?: { readonly items: { key: string }[]; readonly defaultMode: number };
      readonly configMap?: object;
    }[];
    readonly containers: [
      {
        readonly env: { readonly name: string; readonly value: string }[];
        readonly volumeMounts: { readonly name: string }[];
        readonly securityContext: object;
        readonly resources: { readonly limits: Record<string, string> };
      },
    ];
  };
}

function named(kind: string, name: string, among: readonly Manifest[] = full): Manifest {
  return required(among.find((one) => one.kind === kind && one.metadata.name === name));
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("not there");
  return value;
}

import { expect, test } from "vitest";
import { LONGEST_STREAM_SECONDS, PLAN_NAMES } from "../../plans.ts";
import { makeBareCluster, makeClusterSettings, makeTenantSpec } from "../../testing/make-tenant-spec.ts";
import { describeTenant } from "../tenant.ts";
import type { TenantSpec } from "../tenant-spec.ts";
import { deployment } from "./deployment.ts";

const build = (change: Partial<TenantSpec> = {}) => deployment(describeTenant(makeTenantSpec(change))).spec;
const podOf = (change: Partial<TenantSpec> = {}) => build(change).template.spec;
const onlyContainer = (change: Partial<TenantSpec> = {}) => {
  const [container] = podOf(change).containers;
  if (container === undefined) throw new Error("no container");
  return container;
};
const environmentOf = (change: Partial<TenantSpec> = {}) =>
  Object.fromEntries(
    onlyContainer(change).env.map((entry) => [entry.name, "value" in entry ? entry.value : ""]),
  );

test.each(PLAN_NAMES)("%s: no stream is cut by the end of its pod", (plan) => {
  const { terminationGracePeriodSeconds } = podOf({ plan });
  const { HEADGATE_DRAIN_DELAY_SECONDS, HEADGATE_DRAIN_SECONDS } = environmentOf({ plan });
  const drainSeconds = Number(HEADGATE_DRAIN_DELAY_SECONDS) + Number(HEADGATE_DRAIN_SECONDS);
  const { seconds } = onlyContainer({ plan }).lifecycle.preStop.sleep;
  expect(Number(HEADGATE_DRAIN_SECONDS)).toBeGreaterThanOrEqual(LONGEST_STREAM_SECONDS);
  expect(seconds).toBeGreaterThanOrEqual(5);
  // Callers whose connections are kept are told to close them before they are closed.
  expect(Number(HEADGATE_DRAIN_DELAY_SECONDS)).toBeGreaterThanOrEqual(5);
  expect(terminationGracePeriodSeconds).toBeGreaterThanOrEqual(seconds + drainSeconds + 10);
});

test("no replica is taken away before its successor serves, and nobody but the autoscaler says how many", () => {
  expect(build().strategy).toEqual({
    type: "RollingUpdate",
    rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" },
  });
  expect(build()).not.toHaveProperty("replicas");
  expect(build()).toMatchObject({ revisionHistoryLimit: 3, progressDeadlineSeconds: 600 });
});

test("the selector holds nothing that may change", () => {
  expect(build().selector.matchLabels).toEqual({ "app.kubernetes.io/name": "data-plane" });
});

test("the pod has no rights and no way to more of them", () => {
  expect(podOf()).toMatchObject({
    serviceAccountName: "data-plane",
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    hostUsers: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
  });
  expect(podOf().securityContext.runAsUser).toBeGreaterThanOrEqual(10_000);
  expect(podOf().securityContext.runAsGroup).toBeGreaterThanOrEqual(10_000);
  expect(onlyContainer().securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  expect(podOf({ cluster: makeBareCluster() })).not.toHaveProperty("hostUsers");
});

test("CPU is asked for and not limited", () => {
  const { requests, limits } = onlyContainer().resources;
  expect(requests.cpu).toBe("500m");
  expect(limits).not.toHaveProperty("cpu");
});

test("secrets are files that only their owner reads, and the token is for us alone", () => {
  const { volumes } = podOf();
  expect(volumes).toContainEqual({
    name: "join",
    secret: { secretName: "data-plane-join", defaultMode: 0o400 },
  });
  expect(volumes).toContainEqual({
    name: "token",
    projected: {
      defaultMode: 0o400,
      sources: [
        {
          serviceAccountToken: {
            audience: "headgate:data-plane-join",
            expirationSeconds: 3_600,
            path: "token",
          },
        },
      ],
    },
  });
  expect(environmentOf()).toMatchObject({
    HEADGATE_JOIN_TOKEN_FILE: "/var/run/headgate/join/join-token",
    HEADGATE_SERVICE_ACCOUNT_TOKEN_FILE: "/var/run/headgate/token/token",
  });
  expect(JSON.stringify(build())).not.toContain("hgj_");
});

test("the spool is on the node, of bounded size with room to spare, or on the volume that replicas share", () => {
  const node = podOf({ plan: "starter" }).volumes.find(({ name }) => name === "state");
  expect(node).toEqual({ name: "state", emptyDir: { sizeLimit: "384Mi" } });
  expect(environmentOf({ plan: "starter" })).toMatchObject({
    HEADGATE_STATE_DIR: "/var/lib/headgate",
    HEADGATE_SPOOL_BYTES_MAX: String(256 * 1024 * 1024),
  });
  const shared = podOf({ plan: "team" }).volumes.find(({ name }) => name === "state");
  expect(shared).toEqual({ name: "state", persistentVolumeClaim: { claimName: "data-plane-state" } });
  expect(environmentOf({ plan: "team" })).toMatchObject({ HEADGATE_SHARED_STATE_DIR: "/var/lib/headgate" });
  expect(environmentOf({ plan: "team" })).not.toHaveProperty("HEADGATE_STATE_DIR");
});

test("it answers to its host name outside and to its Service's names inside, and to no other", () => {
  const service = "data-plane.hg-01mcc5rm007777777777777777";
  const inside = [`${service}:8800`, `${service}.svc:8800`, `${service}.svc.cluster.local:8800`];
  expect(environmentOf()["HEADGATE_AUTHORITIES"]?.split(",")).toEqual([
    "acme.eu.headgate.example",
    ...inside,
  ]);
  expect(environmentOf({ cluster: makeBareCluster() })["HEADGATE_AUTHORITIES"]?.split(",")).toEqual(inside);
});

test("traces are sent where there is somebody to take them", () => {
  expect(environmentOf()).toMatchObject({
    HEADGATE_TRACES: "otlp",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://otel-collector.hg-01mcc5rm007777777777777777.svc:4318",
  });
  const none = environmentOf({ cluster: makeBareCluster() });
  expect(none).toMatchObject({ HEADGATE_TRACES: "none" });
  expect(Object.keys(none).filter((name) => name.startsWith("OTEL_"))).toEqual([]);
});

test("liveness looks at the process alone, readiness at its policy and at the drain", () => {
  const { startupProbe, readinessProbe, livenessProbe } = onlyContainer();
  expect(livenessProbe.httpGet).toEqual({ path: "/livez", port: "admin" });
  expect(startupProbe.httpGet).toEqual({ path: "/livez", port: "admin" });
  expect(readinessProbe.httpGet).toEqual({ path: "/readyz", port: "admin" });
});

test.each([
  ["team", "ScheduleAnyway"],
  ["enterprise", "DoNotSchedule"],
] as const)(
  "replicas of plan %s are spread over zones (%s) and nodes, each revision for itself",
  (plan, zones) => {
    const constraints = podOf({ plan }).topologySpreadConstraints;
    expect(constraints.map(({ topologyKey, whenUnsatisfiable }) => [topologyKey, whenUnsatisfiable])).toEqual(
      [
        ["topology.kubernetes.io/zone", zones],
        ["kubernetes.io/hostname", "ScheduleAnyway"],
      ],
    );
    for (const { maxSkew, matchLabelKeys } of constraints) {
      expect({ maxSkew, matchLabelKeys }).toEqual({ maxSkew: 1, matchLabelKeys: ["pod-template-hash"] });
    }
    expect(podOf({ plan }).priorityClassName).toBe(`headgate-${plan}`);
  },
);

test("the runtime class is the cluster's", () => {
  expect(podOf({ cluster: makeClusterSettings({ runtimeClass: "gvisor" }) }).runtimeClassName).toBe("gvisor");
  expect(podOf()).not.toHaveProperty("runtimeClassName");
});

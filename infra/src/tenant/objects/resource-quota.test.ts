import { expect, test } from "vitest";
import { PLAN_NAMES } from "../../plans.ts";
import { makeBareCluster, makeTenantSpec } from "../../testing/make-tenant-spec.ts";
import { describeTenant } from "../tenant.ts";
import type { TenantSpec } from "../tenant-spec.ts";
import { limitRange } from "./limit-range.ts";
import { priorityQuota, resourceQuota } from "./resource-quota.ts";

const tenant = (change: Partial<TenantSpec> = {}) => describeTenant(makeTenantSpec(change));
const hard = (change: Partial<TenantSpec> = {}) => resourceQuota(tenant(change)).spec.hard;

test("the plans' quotas", () => {
  const table = Object.fromEntries(
    PLAN_NAMES.map((plan) => {
      const {
        pods,
        "requests.cpu": cpu,
        "limits.memory": memory,
        "limits.ephemeral-storage": disk,
      } = hard({ plan });
      return [plan, { pods, cpu, memory, disk }];
    }),
  );
  expect(table).toEqual({
    // 8 replicas.
    starter: { pods: "8", cpu: "800m", memory: "3072Mi", disk: "4096Mi" },
    // 12 replicas and 2 collectors.
    team: { pods: "14", cpu: "6200m", memory: "12800Mi", disk: "2432Mi" },
    // 48 replicas and 3 collectors.
    enterprise: { pods: "51", cpu: "48750m", memory: "99840Mi", disk: "10368Mi" },
  });
});

test("CPU limits are not counted, or every pod would need one", () => {
  expect(hard()).not.toHaveProperty(["limits.cpu"]);
  expect(hard()).not.toHaveProperty("cpu");
});

test("nothing of a tenant can be reached past the Gateway, and no jobs run", () => {
  expect(hard()).toMatchObject({
    "services.loadbalancers": "0",
    "services.nodeports": "0",
    "count/jobs.batch": "0",
    "count/cronjobs.batch": "0",
  });
});

test("there is a volume only where spools are on one, and it never gets smaller with the plan", () => {
  expect(hard({ cluster: makeBareCluster() })).toMatchObject({
    persistentvolumeclaims: "0",
    "requests.storage": "0",
  });
  expect(hard({ plan: "team" })["requests.storage"]).toBe(hard({ plan: "enterprise" })["requests.storage"]);
});

test("pods of another priority than the plan's are none", () => {
  expect(priorityQuota(tenant()).spec).toEqual({
    hard: { pods: "0" },
    scopeSelector: {
      matchExpressions: [{ scopeName: "PriorityClass", operator: "NotIn", values: ["headgate-team"] }],
    },
  });
});

test("no container is given a CPU limit: neither a default nor a maximum is set, and the latter is taken for the former", () => {
  const [container] = limitRange(tenant()).spec.limits;
  expect(container?.default).not.toHaveProperty("cpu");
  expect(container?.max).not.toHaveProperty("cpu");
  expect(container?.maxLimitRequestRatio).toEqual({ memory: "1" });
  expect(container?.defaultRequest).toMatchObject({ cpu: "10m", memory: container?.default.memory });
});

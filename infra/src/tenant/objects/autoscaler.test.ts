import { expect, test } from "vitest";
import { PLAN_NAMES, planNumbers } from "../../plans.ts";
import { makeBareCluster, makeTenantSpec } from "../../testing/make-tenant-spec.ts";
import { describeTenant } from "../tenant.ts";
import type { TenantSpec } from "../tenant-spec.ts";
import { autoscaler } from "./autoscaler.ts";
import { disruptionBudget } from "./disruption-budget.ts";

const build = (change: Partial<TenantSpec> = {}) => autoscaler(describeTenant(makeTenantSpec(change))).spec;

test("it counts open streams where the cluster serves them, and CPU always", () => {
  const cpu = {
    type: "Resource",
    resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 65 } },
  };
  expect(build({ cluster: makeBareCluster() }).metrics).toEqual([cpu]);
  expect(build().metrics).toEqual([
    cpu,
    {
      type: "Pods",
      pods: {
        metric: { name: "headgate_streams_open" },
        target: { type: "AverageValue", averageValue: String(planNumbers("team").replica.streamsTarget) },
      },
    },
  ]);
});

test("it scales up at once and down one by one, after five minutes", () => {
  expect(build().behavior).toEqual({
    scaleUp: {
      stabilizationWindowSeconds: 0,
      selectPolicy: "Max",
      policies: [
        { type: "Percent", value: 100, periodSeconds: 15 },
        { type: "Pods", value: 4, periodSeconds: 15 },
      ],
    },
    scaleDown: {
      stabilizationWindowSeconds: 300,
      selectPolicy: "Max",
      policies: [{ type: "Pods", value: 1, periodSeconds: 60 }],
    },
  });
});

test.each(PLAN_NAMES)("%s: a node can be emptied, and one replica at least goes on serving", (plan) => {
  const { minReplicas } = build({ plan });
  const { maxUnavailable, unhealthyPodEvictionPolicy } = disruptionBudget(
    describeTenant(makeTenantSpec({ plan })),
  ).spec;
  expect(maxUnavailable).toBeGreaterThan(0);
  expect(maxUnavailable).toBeLessThan(minReplicas);
  expect(unhealthyPodEvictionPolicy).toBe("AlwaysAllow");
});

import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { PLAN_NAMES, planNumbers } from "../../plans.ts";
import { makeTenantSpec } from "../../testing/make-tenant-spec.ts";
import { describeTenant } from "../tenant.ts";
import { alertRules } from "./alert-rules.ts";
import { podMonitor } from "./pod-monitor.ts";
import { prometheusRule } from "./prometheus-rule.ts";

const tenant = describeTenant(makeTenantSpec());
const rules = alertRules(tenant);

test("every metric in a rule is one that data planes are documented to have", async () => {
  const docs = await readFile(new URL("../../../../data-plane/docs/metrics.md", import.meta.url), "utf8");
  const documented = new Set(Array.from(docs.matchAll(/^\| `([a-z0-9_]+)`/gm), ([, name]) => name));
  for (const { alert, expr } of rules) {
    const named = [...expr.matchAll(/\b(headgate_[a-z0-9_]+)/g)].map(([, name = ""]) =>
      name.replace(/_bucket$/, ""),
    );
    expect(named.length, alert).toBeGreaterThan(0);
    for (const name of named) expect(documented, alert).toContain(name);
  }
});

test("every selector is of the tenant's namespace", () => {
  for (const { alert, expr } of rules) {
    const selectors = expr.match(/\bheadgate_[a-z0-9_]+(\{[^}]*\})?/g) ?? [];
    for (const selector of selectors) expect(selector, alert).toContain(`{namespace="${tenant.namespace}"`);
  }
});

test("expressions are balanced, and names are given once", () => {
  for (const { alert, expr } of rules) {
    for (const [open, close] of ["()", "{}", "[]"]) {
      expect(expr.split(open ?? "").length, alert).toBe(expr.split(close ?? "").length);
    }
  }
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
});

test.each(PLAN_NAMES)("%s: the spool's alerts come before it is full, the ticket before the page", (plan) => {
  const thresholds = alertRules(describeTenant(makeTenantSpec({ plan })))
    .filter(({ alert }) => alert.startsWith("HeadgateSpool"))
    .map(({ expr }) => Number(expr.split("> ")[1]));
  const [ticket = 0, page = 0] = thresholds;
  expect(ticket).toBeLessThan(page);
  expect(page).toBeLessThan(planNumbers(plan).replica.spoolBytesMax);
});

test("alerts and series both name the tenant", () => {
  const constant = { tenant: tenant.spec.tenantId, plan: "team", region: "eu-central" };
  for (const { labels, annotations } of prometheusRule(tenant)?.spec.groups[0]?.rules ?? []) {
    expect(labels).toMatchObject(constant);
    expect(annotations.summary).toMatch(/\.$/);
  }
  const [endpoint] = podMonitor(tenant)?.spec.podMetricsEndpoints ?? [];
  expect(
    Object.fromEntries(
      endpoint?.relabelings.map(({ targetLabel, replacement }) => [targetLabel, replacement]) ?? [],
    ),
  ).toEqual(constant);
});

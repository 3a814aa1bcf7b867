import { expect, test } from "vitest";
import {
  agentNamespace,
  dataPlaneSubject,
  NAMESPACE_PATTERN,
  NAMESPACE_PREFIXES,
  tenantNamespace,
} from "./cluster-names.ts";

const TENANT = "ten_01jd8m5w3q0000000000000000";

test("a tenant's namespace and subject hold its id and nothing that it could choose", () => {
  expect(tenantNamespace(TENANT)).toBe("hg-01jd8m5w3q0000000000000000");
  expect(dataPlaneSubject(TENANT)).toBe("system:serviceaccount:hg-01jd8m5w3q0000000000000000:data-plane");
});

test("an agent's namespace is no tenant's", () => {
  expect(agentNamespace("agt_01jd8m5w3q0000000000000000")).toBe("hga-01jd8m5w3q0000000000000000");
  expect(() => agentNamespace(TENANT as `agt_${string}`)).toThrow(TypeError);
});

test("the names of namespaces of tenants and agents, and no others, match the pattern", () => {
  const unique = "01jd8m5w3q0000000000000000";
  expect(NAMESPACE_PREFIXES.tenant + unique).toBe(tenantNamespace(TENANT));
  for (const prefix of Object.values(NAMESPACE_PREFIXES))
    expect(prefix + unique).toMatch(new RegExp(NAMESPACE_PATTERN));
  for (const name of ["headgate-gateway", "kube-system", "x-hg-1", "hgb-1"])
    expect(name).not.toMatch(new RegExp(NAMESPACE_PATTERN));
});

test("a namespace is a DNS label", () => {
  expect(tenantNamespace(TENANT)).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
});

test.each([
  "ten_x",
  "ten_../../kube-system",
  "ten_01JD8M5W3Q0000000000000000",
  "ten_01jd8m5w3q0000000000000000:x",
  "agt_01jd8m5w3q0000000000000000",
  "",
])("what is no tenant's id gets no namespace: %s", (id) => {
  expect(() => tenantNamespace(id as `ten_${string}`)).toThrow(TypeError);
});

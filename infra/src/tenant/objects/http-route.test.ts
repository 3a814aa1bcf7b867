import { expect, test } from "vitest";
import { makeBareCluster, makeTenantSpec } from "../../testing/make-tenant-spec.ts";
import { describeTenant } from "../tenant.ts";
import { httpRoute } from "./http-route.ts";
import { service } from "./service.ts";

const tenant = describeTenant(makeTenantSpec());

test("the tenant's host name leads to its Service, and no timeout cuts a stream", () => {
  const spec = httpRoute(tenant)?.spec;
  expect(spec?.hostnames).toEqual(["acme.eu.headgate.example"]);
  expect(spec?.rules).toHaveLength(1);
  expect(spec?.rules[0]?.timeouts).toEqual({ request: "0s", backendRequest: "0s" });
  expect(spec?.rules[0]?.backendRefs[0]?.port).toBe(service(tenant).spec.ports[0]?.port);
});

test("where there is no Gateway there is no route", () => {
  expect(httpRoute(describeTenant(makeTenantSpec({ cluster: makeBareCluster() })))).toBeNull();
});

test("the Service is waited for by nobody: the engine would wait for ten seconds more after the pods are there", () => {
  expect(service(tenant).metadata.annotations).toEqual({ "pulumi.com/skipAwait": "true" });
  expect(service(tenant).spec.type).toBe("ClusterIP");
});

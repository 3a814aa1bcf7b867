/** Promise 5 again: requests of different tenants that must take turns on one pooled connection. */
import { createFurnishedTenant, type FurnishedTenant } from "@headgate/control-plane/testing";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openPlatform, type Platform } from "./platform.ts";

/** What may be asked at once: reads, writes, refusals within a transaction, and reaching for the other's rows. */
const REQUESTS: Readonly<
  Record<string, (own: FurnishedTenant, other: FurnishedTenant) => [string, unknown]>
> = {
  list: () => ["agents.list", {}],
  "read own": (own) => ["agents.get", { agent_id: own.agent }],
  "read the other's": (_, other) => ["agents.get", { agent_id: other.agent }],
  write: (own) => ["agents.update", { agent_id: own.agent, capabilities: [own.id] }],
  "write the other's": (own, other) => ["agents.update", { agent_id: other.agent, capabilities: [own.id] }],
  "take a name that is taken": () => ["agents.create", { name: "agent" }],
  "break the input": () => ["agents.get", { agent_id: "nonsense" }],
  "read what is sealed": () => ["providers.list", {}],
  "read the newest policy": () => ["snapshots.list", { limit: 1 }],
  "read the log": () => ["audit.list", { limit: 5 }],
};

test("T3: random interleavings of two tenants' requests over a pool of one connection never mix them", async () => {
  await using platform = await openPlatform({ connectionsMax: 1 });
  const tenants = [
    await createFurnishedTenant(platform.server),
    await createFurnishedTenant(platform.server),
  ] as const;
  const request = fc.record({
    side: fc.constantFrom(0, 1),
    kind: fc.constantFrom(...Object.keys(REQUESTS)),
    asOperator: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 4, maxLength: 24 }), async (requests) => {
      await Promise.all(
        requests.map(async ({ side, kind, asOperator }) => {
          const [own, other] = [tenants[side as 0 | 1], tenants[(1 - side) as 0 | 1]];
          const [path, input] = REQUESTS[kind]?.(own, other) ?? ["tenants.get", undefined];
          const caller = asOperator ? platform.operator(own.id) : own.caller;
          const answer = await platform.server.call(path, input, caller);
          expect([kind, answer.status, answer.error?.code]).toEqual([kind, ...expected(kind)]);
          for (const id of [other.id, other.agent, other.key, other.provider, other.dataPlaneId])
            expect(answer.body).not.toContain(id);
        }),
      );
      // What the next one to use the connection finds on it.
      const { rows } = await platform.server.services.db.execute(
        sql`select current_user = session_user as self, current_setting('app.tenant_id', true) as tenant`,
      );
      expect(rows).toEqual([{ self: true, tenant: "" }]);
    }),
    { numRuns: 12, endOnFailure: true },
  );
  for (const [own, other] of [tenants, tenants.toReversed()] as [FurnishedTenant, FurnishedTenant][])
    expect(await capabilitiesOf(platform, own)).not.toContain(other.id);
});

function expected(kind: string): [number, string | undefined] {
  if (kind.endsWith("the other's")) return [404, "api.not_found"];
  if (kind === "take a name that is taken") return [409, "api.conflict"];
  if (kind === "break the input") return [400, "api.invalid_input"];
  return [200, undefined];
}

async function capabilitiesOf({ server }: Platform, tenant: FurnishedTenant): Promise<string[]> {
  const agent = await server.ok<{ capabilities: string[] }>(
    "agents.get",
    { agent_id: tenant.agent },
    tenant.caller,
  );
  return agent.capabilities;
}

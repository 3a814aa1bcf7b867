/** For tests of the ledger: a platform at a fixed moment, tenants by the handful, streams cut into batches. */
import type { Id } from "@headgate/sdk/contract";
import { encodeUsageBatch, makeUsageBatch, type UsageBatch } from "@headgate/sdk/testing";
import type { Context, Services } from "../api/trpc/context.ts";
import type { UsageOwner } from "../ledger/ingest/repository.ts";
import { Fault } from "../lib/fault.ts";
import { createTestServer } from "./create-test-server.ts";
import { createTestTenant } from "./create-test-tenant.ts";

export const TEST_NOW = Date.UTC(2026, 10, 15, 12);

export type TestPlatform = Awaited<ReturnType<typeof openTestPlatform>>;

export async function openTestPlatform(overrides: Partial<Services> = {}) {
  const server = await createTestServer(overrides);
  const setNow = (at: number) => server.clock.advance(at - server.clock.wallMs());
  setNow(TEST_NOW);
  return {
    ...server.services,
    app: server.app,
    setNow,
    close: async () => server[Symbol.asyncDispose](),
    /** The operator's context, on its own or acting on a tenant. */
    context: (tenantId?: Id<"tenant">): Context => ({
      services: server.services,
      credential: server.operatorToken,
      adminKey: () => Promise.reject(new Fault("api.unauthenticated")),
      actingTenant: tenantId,
    }),
    async newTenant(): Promise<UsageOwner> {
      const { id: tenantId, dataPlaneId } = await createTestTenant(server);
      return { tenantId, dataPlaneId, region: "local" };
    },
  };
}

/** A batch as `ingestBatch` takes it, and as it goes over the wire. */
export function packed(options: Parameters<typeof makeUsageBatch>[0]): UsageBatch & { packed: Uint8Array } {
  const batch = makeUsageBatch(options);
  return { ...batch, packed: encodeUsageBatch(batch) };
}

/** Cuts a stream's events into batches of these sizes, the last taking the rest. */
export function streamOf(
  streamId: Id<"stream">,
  events: UsageBatch["events"],
  sizes: readonly number[],
): (UsageBatch & { packed: Uint8Array })[] {
  const batches: (UsageBatch & { packed: Uint8Array })[] = [];
  let [firstSeq, totalsBefore] = [1, {} as Record<string, string>];
  for (const size of [...sizes, events.length]) {
    const part = events.slice(firstSeq - 1, firstSeq - 1 + size);
    if (part.length === 0) break;
    const batch = packed({ events: part, firstSeq, totalsBefore, header: { stream_id: streamId } });
    batches.push(batch);
    firstSeq += part.length;
    totalsBefore = batch.header.totals;
  }
  return batches;
}

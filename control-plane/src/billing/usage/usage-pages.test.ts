import { sql } from "drizzle-orm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestServer, type TestServer } from "../../testing/create-test-server.ts";
import { createTestTenant, type TestTenant } from "../../testing/create-test-tenant.ts";
import type { UsageRow } from "./views.ts";

const MINUTE_MS = 60_000;
const FROM = Date.UTC(2026, 10, 1);
const MINUTES = 1_200;
const AGENTS = 10;
const TO = FROM + MINUTES * MINUTE_MS;

interface Page {
  readonly items: UsageRow[];
  readonly next_cursor: string | null;
}

let server: TestServer;
let tenant: TestTenant;
beforeAll(async () => {
  server = await createTestServer();
  tenant = await createTestTenant(server);
  const rows = sql`
    from generate_series(0, ${MINUTES - 1}::int) minute, generate_series(0, ${AGENTS - 1}::int) agent`;
  const keys = sql`${tenant.id}, ${FROM}::bigint + minute * ${MINUTE_MS}::bigint, 'agt_' || agent,
    case agent % 3 when 0 then '' when 1 then 'Ä "team", z' else 'a' end, '', '', 'prv', 'openai', 'm', 'm-' || agent % 2, 'chat'`;
  const { db } = server.database;
  await db.execute(sql`insert into usage_minute_calls select ${keys}, 1, 1, 0, 0 ${rows}`);
  await db.execute(sql`insert into usage_minutes select ${keys}, 'input_uncached', 5 ${rows}`);
});
afterAll(() => server[Symbol.asyncDispose]());

async function walk(query: object, limit: number): Promise<Page[]> {
  const pages: Page[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const input = { from: FROM, to: TO, ...query, limit, ...(cursor === undefined ? {} : { cursor }) };
    const page: Page = await server.ok<Page>("usage.query", input, tenant.caller);
    pages.push(page);
    cursor = page.next_cursor;
  }
  return pages;
}

function calls(rows: readonly UsageRow[]): number {
  return rows.reduce((sum, row) => sum + row.calls, 0);
}

test("a report of many rows comes in pages of bounded size that together are the whole, in order, each row once", async () => {
  const query = { granularity: "minute", to: FROM + 250 * MINUTE_MS, group_by: ["agent", "team"] };
  const pages = await walk(query, 1_000);
  const rows = pages.flatMap(({ items }) => items);
  expect(Math.max(...pages.map(({ items }) => items.length))).toBeLessThanOrEqual(1_000);
  expect(rows).toHaveLength(250 * AGENTS);
  expect(new Set(rows.map(({ bucket, group }) => JSON.stringify([bucket, group]))).size).toBe(rows.length);
  expect(rows.map(({ bucket }) => bucket)).toEqual(
    rows.map(({ bucket }) => bucket).toSorted((a, b) => Number(a) - Number(b)),
  );
  for (const row of rows) expect(row.quantities).toEqual({ input_uncached: "5" });
});

test("however a report is cut into pages, it is the same report", async () => {
  const query = fc.record({
    granularity: fc.constantFrom("hour", "day", "none"),
    group_by: fc.subarray(["agent", "team", "vendor", "upstream_model"]),
  });
  await fc.assert(
    fc.asyncProperty(query, fc.integer({ min: 3, max: 40 }), async (asked, limit) => {
      const short = { ...asked, to: FROM + 2 * 60 * MINUTE_MS };
      const cut = await walk(short, limit);
      const [whole, ...others] = await walk(short, 1_000);
      expect(others).toEqual([]);
      expect(cut.flatMap(({ items }) => items)).toEqual(whole?.items);
      expect(calls(whole?.items ?? [])).toBe(2 * 60 * AGENTS);
    }),
    { numRuns: 8 },
  );
});

test("what a page is made of is bounded, also where few rows are shown of much", async () => {
  const pages = await walk({ granularity: "hour", group_by: [] }, 1_000);
  // A page would hold them all: it ends early since it is made of a part of what is kept.
  expect(pages.length).toBeGreaterThan(1);
  expect(calls(pages.flatMap(({ items }) => items))).toBe(MINUTES * AGENTS);
});

test("a cursor of another query, or of nobody's, is refused", async () => {
  const query = { from: FROM, to: TO, granularity: "hour", group_by: ["agent"], limit: 1 };
  const { next_cursor: cursor } = await server.ok<Page>("usage.query", query, tenant.caller);
  const text = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  for (const other of [
    { ...query, cursor, group_by: ["agent", "team"] },
    { ...query, cursor, granularity: "none" },
    { ...query, cursor, from: FROM + 10 * 60 * MINUTE_MS },
    { ...query, cursor: "nonsense" },
    { ...query, cursor: text({ bucket: 1 }) },
    { ...query, cursor: text([-1]) },
    { ...query, cursor: text([FROM, { agent: 1 }]) },
    { ...query, cursor: text(["", ""]) },
  ]) {
    const { error } = await server.call("usage.query", other, tenant.caller);
    expect([error?.code, error?.parameter]).toEqual(["api.invalid_input", "cursor"]);
  }
});

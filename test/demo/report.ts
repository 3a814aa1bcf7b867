/** Usage and the draft invoice, as tables. */
import { table } from "./narrator.ts";
import type { OnboardedTenant } from "./onboarding.ts";

/** The current month in UTC, `YYYY-MM`. */
export function currentPeriod(): string {
  return new Date().toISOString().slice(0, 7);
}

const TOKENS_IN = ["input_uncached", "cache_read", "cache_write_5m", "cache_write_1h"];
const TOKENS_OUT = ["output_text", "reasoning"];

/** This month's usage by agent or by cost centre. */
export async function usageTable(tenant: OnboardedTenant, by: "agent" | "cost_center"): Promise<string[]> {
  const now = new Date();
  const query: Parameters<typeof tenant.api.usage.query>[0] = {
    from: Date.UTC(now.getUTCFullYear(), now.getUTCMonth()),
    to: Math.ceil(now.getTime() / 60_000) * 60_000,
    group_by: [by],
    granularity: "none",
  };
  const rows = await all((cursor) => tenant.api.usage.query({ ...query, ...cursor }));
  return table(
    [
      by === "agent" ? "agent" : "cost centre",
      "calls",
      "attempts",
      "unsettled",
      "tokens in",
      "tokens out",
      "USD",
    ],
    rows.map((row) => {
      const value = row.group[by] ?? "";
      return [
        by === "agent" ? (tenant.agentNames.get(value) ?? value) : value,
        String(row.calls),
        String(row.attempts),
        String(row.unsettled),
        sum(TOKENS_IN.map((name) => row.quantities[name])),
        sum(TOKENS_OUT.map((name) => row.quantities[name])),
        row.amount_usd === null ? "–" : rounded(row.amount_usd),
      ];
    }),
  );
}

export async function invoiceTable(tenant: OnboardedTenant): Promise<string[]> {
  const invoice = await tenant.api.invoices.preview({ period: currentPeriod() });
  const lines = table(
    ["model", "dimension", "quantity", "USD per million", "USD"],
    invoice.lines.map((line) => [
      line.model,
      line.dimension,
      line.quantity,
      line.usd_per_million,
      line.amount,
    ]),
  );
  const unrated = invoice.unrated.map(
    (usage) => `no price: ${usage.vendor} ${usage.model} ${usage.dimension}, ${usage.quantity} units`,
  );
  const state = invoice.blocked ? "blocked until all of it has a price" : invoice.state;
  return [
    ...lines,
    ...unrated,
    `total ${invoice.total} ${invoice.currency} (${state}; ${invoice.subtotal} before rounding), ${invoice.calls} calls, ` +
      `${invoice.unsettled_attempts} attempts unsettled`,
  ];
}

/** Re-adds every line from the raw batches; resolves with those that do not come out the same. */
export async function linesThatDoNotReAdd(tenant: OnboardedTenant): Promise<string[]> {
  const period = currentPeriod();
  const wrong: string[] = [];
  for (const line of (await tenant.api.invoices.preview({ period })).lines) {
    const of = { period, line_id: line.line_id };
    const behind = await all((cursor) => tenant.api.invoices.line_usage({ ...of, ...cursor }));
    if (sum(behind.map(({ quantity }) => quantity)) !== line.quantity)
      wrong.push(`${line.model} ${line.dimension}`);
  }
  return wrong;
}

/** The items of all pages. */
async function all<T>(
  page: (cursor: { cursor?: string }) => Promise<{ items: T[]; next_cursor: string | null }>,
): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const next = await page(cursor === undefined ? {} : { cursor });
    items.push(...next.items);
    cursor = next.next_cursor;
  }
  return items;
}

function sum(quantities: readonly (string | undefined)[]): string {
  return quantities.reduce((total, quantity) => total + BigInt(quantity ?? 0), 0n).toString();
}

/** Six places for the eye; the exact amount stays where it is. */
function rounded(decimal: string): string {
  const [whole = "0", fraction = ""] = decimal.split(".");
  return `${whole}.${fraction.padEnd(6, "0").slice(0, 6)}`;
}

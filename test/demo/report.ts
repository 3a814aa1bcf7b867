/** Usage and the draft invoice, as tables. */
import { table } from "./narrator.ts";
import type { OnboardedTenant } from "./onboarding.ts";

/** The current month in UTC, `YYYY-MM`. */
export function currentPeriod(): string {
  return new Date().toISOString().slice(0, 7);
}

/** This month's usage by agent or by cost centre. */
export async function usageTable(tenant: OnboardedTenant, by: "agent" | "cost_center"): Promise<string[]> {
  const now = new Date();
  const { rows } = await tenant.api.usage.query({
    from: Date.UTC(now.getUTCFullYear(), now.getUTCMonth()),
    to: Math.ceil(now.getTime() / 60_000) * 60_000,
    group_by: [by],
    granularity: "none",
  });
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
        sum(row.quantities, ["input_uncached", "cache_read", "cache_write_5m", "cache_write_1h"]),
        sum(row.quantities, ["output_text", "reasoning"]),
        row.amount_usd === null ? "–" : rounded(row.amount_usd),
      ];
    }),
  );
}

export async function invoiceTable(tenant: OnboardedTenant): Promise<string[]> {
  const invoice = await tenant.api.invoices.preview({ period: currentPeriod() });
  const lines = table(
    ["model", "dimension", "quantity", "USD per million", "exact", "amount"],
    invoice.lines.map((line) => [
      line.model,
      line.dimension,
      line.quantity,
      line.usd_per_million,
      rounded(line.amount_exact),
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
    `total ${invoice.total} ${invoice.currency} (${state}), ${invoice.calls} calls, ` +
      `${invoice.unsettled_attempts} attempts unsettled`,
  ];
}

/** Re-adds every line from the raw batches; resolves with those that do not come out the same. */
export async function linesThatDoNotReAdd(tenant: OnboardedTenant): Promise<string[]> {
  const period = currentPeriod();
  const wrong: string[] = [];
  for (const line of (await tenant.api.invoices.preview({ period })).lines) {
    const behind = await tenant.api.invoices.line_usage({ period, line_id: line.line_id });
    if (behind.quantity !== line.quantity) wrong.push(`${line.model} ${line.dimension}`);
  }
  return wrong;
}

function sum(quantities: Readonly<Record<string, string>>, dimensions: readonly string[]): string {
  return dimensions.reduce((total, name) => total + BigInt(quantities[name] ?? 0), 0n).toString();
}

/** Six places for the eye; the exact amount stays where it is. */
function rounded(decimal: string): string {
  const [whole = "0", fraction = ""] = decimal.split(".");
  return `${whole}.${fraction.padEnd(6, "0").slice(0, 6)}`;
}

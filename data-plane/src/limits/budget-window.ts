/** Calendar windows of budgets, in UTC. A window has an id that is part of its counter's key, so none is ever reset. */
import type { BudgetWindow } from "@headgate/sdk/contract";

/** Unix milliseconds; `endMs` is exclusive and infinite for `total`. */
export interface WindowBounds {
  /** `2026-11-21T03`, `2026-11-21`, `2026-11` or `total`. */
  readonly id: string;
  readonly startMs: number;
  readonly endMs: number;
}

export function windowAt(window: BudgetWindow, wallMs: number): WindowBounds {
  if (window === "total") return { id: "total", startMs: 0, endMs: Number.POSITIVE_INFINITY };
  const id = new Date(wallMs).toISOString().slice(0, ID_CHARS[window]);
  const startMs = startOf(id);
  const end = new Date(startMs);
  if (window === "hour") end.setUTCHours(end.getUTCHours() + 1);
  else if (window === "day") end.setUTCDate(end.getUTCDate() + 1);
  else end.setUTCMonth(end.getUTCMonth() + 1);
  return { id, startMs, endMs: end.getTime() };
}

const ID_CHARS = { hour: 13, day: 10, month: 7 } as const;

/** NaN for what is no window's id. */
function startOf(id: string): number {
  return Date.parse(id.length === ID_CHARS.hour ? `${id}:00:00Z` : id);
}

/** The key of a counter: what it counts for, when, and for whom. */
export function budgetKey(budgetId: string, windowId: string, scope: string): string {
  return `budget:${budgetId}:${windowId}:${scope}`;
}

/** The moment from which a counter is no longer needed: two windows after its own. Infinite for `total`. */
export function keyExpiresAt(key: string): number {
  const id = key.split(":", 3)[2] ?? "";
  const window = WINDOWS.find((one) => ID_CHARS[one] === id.length);
  const startMs = startOf(id);
  if (window === undefined || Number.isNaN(startMs)) return Number.POSITIVE_INFINITY;
  const next = windowAt(window, windowAt(window, startMs).endMs);
  return windowAt(window, next.endMs).endMs;
}

const WINDOWS = ["hour", "day", "month"] as const;

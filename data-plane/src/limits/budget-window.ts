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
  const now = new Date(wallMs);
  const [year, month, day, hour] = [
    now.getUTCFullYear(),
    now.getUTCMonth(),
    now.getUTCDate(),
    now.getUTCHours(),
  ];
  const iso = now.toISOString();
  switch (window) {
    case "hour":
      return {
        id: iso.slice(0, 13),
        startMs: Date.UTC(year, month, day, hour),
        endMs: Date.UTC(year, month, day, hour + 1),
      };
    case "day":
      return {
        id: iso.slice(0, 10),
        startMs: Date.UTC(year, month, day),
        endMs: Date.UTC(year, month, day + 1),
      };
    case "month":
      return { id: iso.slice(0, 7), startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) };
  }
}

/** The key of a counter: what it counts for, when, and for whom. */
export function budgetKey(budgetId: string, windowId: string, scope: string): string {
  return `budget:${budgetId}:${windowId}:${scope}`;
}

/** The moment from which a counter is no longer needed: two windows after its own. Infinite for `total`. */
export function keyExpiresAt(key: string): number {
  const id = key.split(":", 3)[2] ?? "";
  const window = WINDOW_BY_ID_LENGTH[id.length];
  if (window === undefined) return Number.POSITIVE_INFINITY;
  const startMs = Date.parse(id.length === 13 ? `${id}:00:00Z` : id);
  if (Number.isNaN(startMs)) return Number.POSITIVE_INFINITY;
  const next = windowAt(window, windowAt(window, startMs).endMs);
  return windowAt(window, next.endMs).endMs;
}

const WINDOW_BY_ID_LENGTH: Readonly<Record<number, BudgetWindow>> = { 13: "hour", 10: "day", 7: "month" };

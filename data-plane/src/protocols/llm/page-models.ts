/** Which part of the list of models a query asks for, by the names that the dialects' clients know. */
import type { Refusal } from "../../policy/refusal.ts";
import type { ModelPage } from "./dialects/dialect.ts";

const LIMIT_MAX = 1_000;

/** All of them unless a `limit` is given; `names` are in order. */
export function pageModels(names: readonly string[], query: string): ModelPage | Refusal {
  if (query === "") return { names, hasMore: false };
  const asked = new URLSearchParams(query);
  const limit = asked.get("limit") ?? String(Number.MAX_SAFE_INTEGER);
  if (asked.has("limit") && !(/^[1-9]\d{0,3}$/.test(limit) && Number(limit) <= LIMIT_MAX)) {
    return { code: "request.invalid_parameter", parameter: "limit" };
  }
  const count = Number(limit);
  const before = asked.get("before_id");
  if (before !== null) {
    const those = names.filter((name) => name < before);
    const start = Math.max(0, those.length - count);
    return { names: those.slice(start), hasMore: start > 0 };
  }
  const after = asked.get("after_id") ?? asked.get("after") ?? "";
  const those = names.filter((name) => name > after);
  return { names: those.slice(0, count), hasMore: those.length > count };
}

import type { ModelPage } from "../dialect.ts";

export function modelEntry(id: string, createdMs: number): object {
  return { id, object: "model", created: Math.floor(createdMs / 1_000), owned_by: "headgate" };
}

export function modelList({ names, hasMore }: ModelPage, createdMs: number): object {
  const data = names.map((id) => modelEntry(id, createdMs));
  return { object: "list", data, ...(hasMore && { has_more: true }) };
}

import type { ModelPage } from "../dialect.ts";

export function modelEntry(id: string, createdMs: number): object {
  const createdAt = new Date(Math.floor(createdMs / 1_000) * 1_000).toISOString();
  return { type: "model", id, display_name: id, created_at: createdAt };
}

export function modelList({ names, hasMore }: ModelPage, createdMs: number): object {
  return {
    data: names.map((id) => modelEntry(id, createdMs)),
    first_id: names[0] ?? null,
    last_id: names.at(-1) ?? null,
    has_more: hasMore,
  };
}

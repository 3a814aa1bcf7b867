export function modelList(names: readonly string[], createdMs: number): object {
  const createdAt = new Date(Math.floor(createdMs / 1_000) * 1_000).toISOString();
  return {
    data: names.map((id) => ({ type: "model", id, display_name: id, created_at: createdAt })),
    first_id: names[0] ?? null,
    last_id: names.at(-1) ?? null,
    has_more: false,
  };
}

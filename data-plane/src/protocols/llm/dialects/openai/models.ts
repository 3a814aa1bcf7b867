export function modelList(names: readonly string[], createdMs: number): object {
  const created = Math.floor(createdMs / 1_000);
  return {
    object: "list",
    data: names.map((id) => ({ id, object: "model", created, owned_by: "headgate" })),
  };
}

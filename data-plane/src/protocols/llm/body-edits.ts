/** Changes to a body that leave all its other bytes as the agent sent them. */
import type { Asked } from "./parameters.ts";

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The body that asks the provider for its own model; the same buffer where the name is the same. */
export function bodyFor({ body, scan, model }: Asked, upstreamModel: string, extra?: Edit): Buffer {
  const edits = extra === undefined ? [] : [extra];
  const named = model === upstreamModel ? undefined : scan.members.find(({ key }) => key === "model");
  if (named !== undefined) {
    edits.push({ start: named.start, end: named.end, text: JSON.stringify(upstreamModel) });
  }
  if (edits.length === 0) return body;
  edits.sort((left, right) => left.start - right.start);
  const parts: Buffer[] = [];
  let copied = 0;
  for (const edit of edits) {
    parts.push(body.subarray(copied, edit.start), Buffer.from(edit.text));
    copied = edit.end;
  }
  parts.push(body.subarray(copied));
  return Buffer.concat(parts);
}

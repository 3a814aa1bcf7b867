/** The body that a provider is sent: the agent's own bytes, but for the model's name and the request for usage. */
import { type JsonMember, memberValue } from "../../lib/json/scan-json.ts";
import type { Exchange } from "../../pipeline/exchange.ts";

/** Names the target's model, and asks for usage in streams where the protocol gives it on demand only. */
export function upstreamBody(exchange: Exchange, upstreamModel: string): Buffer {
  const { body, members, parameters, protocol } = exchange;
  const model = members.find((member) => member.key === "model");
  const askUsage =
    protocol?.stream?.usageOnDemand === true && parameters?.stream === true && !parameters.usageAsked;
  const renamed = model !== undefined && parameters?.model !== upstreamModel;
  if (!askUsage && !renamed) return body;
  const edits: Edit[] = [];
  if (renamed)
    edits.push({
      start: model.start,
      end: model.end,
      text: JSON.stringify(upstreamModel),
    });
  if (askUsage) edits.push(usageEdit(exchange));
  edits.sort((left, right) => left.start - right.start);
  return applyEdits(body, edits);
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function usageEdit({ body, bodyInside, members }: Exchange): Edit {
  const options = members.find((member) => member.key === "stream_options");
  if (options === undefined) {
    return {
      start: bodyInside,
      end: bodyInside,
      text: '"stream_options":{"include_usage":true},',
    };
  }
  return {
    start: options.start,
    end: options.end,
    text: withUsage(body, options),
  };
}

function withUsage(body: Buffer, options: JsonMember): string {
  const value = memberValue(body, options);
  return JSON.stringify({
    ...(typeof value === "object" ? value : {}),
    include_usage: true,
  });
}

function applyEdits(body: Buffer, edits: readonly Edit[]): Buffer {
  const parts: Buffer[] = [];
  let copied = 0;
  for (const edit of edits) {
    parts.push(body.subarray(copied, edit.start), Buffer.from(edit.text));
    copied = edit.end;
  }
  parts.push(body.subarray(copied));
  return Buffer.concat(parts);
}

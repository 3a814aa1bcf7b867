/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), read from a response's body. */

export interface ServerSentEvent {
  readonly name: string;
  readonly data: string;
  /** Undefined where the event has none of its own. */
  readonly id: string | undefined;
}

/** More than any event of the API has; a server that never ends a line must not fill the memory. */
const EVENT_CHARS_MAX = 1_048_576;

export async function* readServerSentEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<ServerSentEvent, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text = (text + decoder.decode(value, { stream: true })).replace(/\r\n/g, "\n");
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        const event = parse(block);
        if (event !== undefined) yield event;
      }
      if (text.length > EVENT_CHARS_MAX) throw new Error("an event without an end");
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Undefined for what is only a comment. */
function parse(block: string): ServerSentEvent | undefined {
  let name = "message";
  let id: string | undefined;
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, field = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
    if (field === "event") name = value;
    else if (field === "id") id = value;
    else if (field === "data") data.push(value);
  }
  return data.length === 0 && name === "message" ? undefined : { name, data: data.join("\n"), id };
}

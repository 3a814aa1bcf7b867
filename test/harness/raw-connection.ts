/**
 * HTTP by hand over a TCP socket: sends exactly the bytes it is given, keeps what comes back, and knows how the other
 * side ended. For requests that no client library would send.
 */
import { connect } from "node:net";

export interface RawResponse {
  readonly status: number;
  /** Names in lower case; a repeated header keeps all its values. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
}

/** `end`: closed in order (FIN). `reset`: RST, or any other error. */
export type Closed = "end" | "reset";

export interface RawConnection extends Disposable {
  /** Resolves when the operating system has the bytes; a closed connection swallows them. */
  send(bytes: string | Uint8Array): Promise<void>;
  /** Ends our side; the other may still answer. */
  end(): void;
  /** Reads one response and takes it from what was received. Rejects when the connection ends before it is whole. */
  response(): Promise<RawResponse>;
  /** Resolves when the text has been received; it stays where it is. Rejects when the connection ends without it. */
  received(text: string): Promise<void>;
  /** Resolves when the other side has closed. */
  readonly closed: Promise<Closed>;
  /** What was received and not yet taken. */
  rest(): string;
}

/** Connects to a server given by its URL, such as `http://127.0.0.1:8800`. */
export async function openRawConnection(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
  let bytes: Buffer = Buffer.alloc(0);
  let closedAs: Closed | undefined;
  const waiting = new Set<() => void>();
  const closed = new Promise<Closed>((resolve) => {
    const close = (how: Closed) => {
      closedAs ??= how;
      resolve(closedAs);
      for (const check of waiting) check();
    };
    socket.once("end", () => close("end"));
    socket.once("error", () => close("reset"));
    socket.once("close", () => close("reset"));
  });
  socket.on("data", (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (const check of waiting) check();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve).once("error", reject);
  });

  /** Tries again with every piece that arrives, and once more at the end. */
  const until = <T>(attempt: (ended: boolean) => T | undefined) =>
    new Promise<T>((resolve, reject) => {
      const check = () => {
        const value = attempt(closedAs !== undefined);
        if (value !== undefined) resolve(value);
        else if (closedAs === undefined) return;
        else reject(new Error(`the connection ended (${closedAs}) after:\n${bytes.toString("latin1")}`));
        waiting.delete(check);
      };
      waiting.add(check);
      check();
    });

  return {
    send: (data) => new Promise((resolve) => socket.write(data, () => resolve())),
    end: () => socket.end(),
    response: () =>
      until((ended) => {
        const parsed = parseResponse(bytes, ended);
        if (parsed === undefined) return undefined;
        bytes = bytes.subarray(parsed.length);
        return parsed.response;
      }),
    received: (text) => until(() => (bytes.includes(text) ? true : undefined)).then(() => undefined),
    closed,
    rest: () => bytes.toString(),
    [Symbol.dispose]: () => socket.destroy(),
  };
}

function parseResponse(bytes: Buffer, ended: boolean): { response: RawResponse; length: number } | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, headEnd).split("\r\n");
  const status = Number(statusLine.split(" ")[1]);
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  const start = headEnd + 4;
  // An interim response (100 Continue) comes before the one that counts.
  if (status < 200) {
    const next = parseResponse(bytes.subarray(start), ended);
    return next && { response: next.response, length: start + next.length };
  }
  const found = (body: Buffer, length: number) => ({
    response: { status, headers, body: body.toString() },
    length,
  });
  if (headers.get("transfer-encoding")?.[0]?.toLowerCase() === "chunked") {
    const chunked = parseChunks(bytes, start);
    return chunked && found(chunked.body, chunked.end);
  }
  const declared = headers.get("content-length")?.[0];
  if (status === 204 || status === 304) return found(Buffer.alloc(0), start);
  if (declared === undefined) return ended ? found(bytes.subarray(start), bytes.length) : undefined;
  const end = start + Number(declared);
  return bytes.length < end ? undefined : found(bytes.subarray(start, end), end);
}

function parseChunks(bytes: Buffer, start: number): { body: Buffer; end: number } | undefined {
  const parts: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const data = lineEnd + 2;
    if (bytes.length < data + size + 2) return undefined;
    if (size === 0) return { body: Buffer.concat(parts), end: data + 2 };
    parts.push(bytes.subarray(data, data + size));
    at = data + size + 2;
  }
}

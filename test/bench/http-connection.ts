/**
 * One keep-alive connection of a load generator: writes requests that are already bytes, and reads just enough of
 * the answers to know when they end, when their content began, and how many events were in them.
 */
import { connect, type Socket } from "node:net";

export interface AnswerSeen {
  readonly status: number;
  /** `performance.now()` when the first byte of the body came, or the end where there was no body. */
  readonly firstByteAt: number;
  readonly endedAt: number;
  /** Server-sent events, the closing `[DONE]` included. */
  readonly events: number;
}

export interface HttpConnection {
  /** One at a time. Rejects when the connection breaks before the answer has ended. `onEvents` is told of events as they come. */
  exchange(request: Buffer, onEvents?: (count: number) => void): Promise<AnswerSeen>;
  destroy(): void;
}

export async function openConnection(port: number): Promise<HttpConnection> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const opening = connect({ port, host: "127.0.0.1", noDelay: true }, () => resolve(opening));
    opening.once("error", reject);
  });
  let current:
    | {
        reader: AnswerReader;
        resolve(seen: AnswerSeen): void;
        reject(error: Error): void;
      }
    | undefined;
  socket.on("data", (chunk: Buffer) => {
    const seen = current?.reader.read(chunk);
    if (seen === undefined) return;
    const done = current;
    current = undefined;
    done?.resolve(seen);
  });
  const broken = () => {
    current?.reject(new Error("the connection closed before the answer ended"));
    current = undefined;
  };
  socket.on("error", broken).on("close", broken);
  return {
    exchange(request, onEvents) {
      return new Promise((resolve, reject) => {
        if (socket.destroyed) {
          reject(new Error("the connection is closed"));
          return;
        }
        current = { reader: new AnswerReader(onEvents), resolve, reject };
        socket.write(request);
      });
    },
    destroy: () => socket.destroy(),
  };
}

const LINE_FEED = 10;
type Framing = "head" | "length" | "chunk-size" | "chunk-data" | "chunk-end";

class AnswerReader {
  readonly #onEvents: ((count: number) => void) | undefined;
  #framing: Framing = "head";
  #head: Buffer = Buffer.alloc(0);
  #status = 0;
  #left = 0;
  #size = "";
  #firstByteAt = 0;
  #events = 0;
  #lastByte = 0;

  constructor(onEvents: ((count: number) => void) | undefined) {
    this.#onEvents = onEvents;
  }

  /** The answer, once its last byte has been read. */
  read(chunk: Buffer): AnswerSeen | undefined {
    let at = 0;
    if (this.#framing === "head") {
      this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
      const end = this.#head.indexOf("\r\n\r\n");
      if (end < 0) return undefined;
      at = chunk.length - (this.#head.length - end - 4);
      this.#readHead(this.#head.toString("latin1", 0, end));
    }
    return this.#readBody(chunk, at) ? this.#seen() : undefined;
  }

  #readHead(head: string): void {
    this.#status = Number(head.slice(9, 12));
    const length = /\ncontent-length: *(\d+)/i.exec(head)?.[1];
    this.#framing = length === undefined ? "chunk-size" : "length";
    this.#left = Number(length ?? 0);
  }

  /** True at the end of the answer. */
  #readBody(chunk: Buffer, from: number): boolean {
    let at = from;
    if (this.#framing === "length") {
      this.#content(chunk, at, chunk.length);
      return this.#left <= 0;
    }
    while (at < chunk.length) {
      if (this.#framing === "chunk-data") {
        const end = Math.min(chunk.length, at + this.#left);
        this.#content(chunk, at, end);
        at = end;
        if (this.#left === 0) this.#framing = "chunk-end";
        continue;
      }
      const lineEnd = chunk.indexOf(LINE_FEED, at);
      if (this.#framing === "chunk-size")
        this.#size += chunk.toString("latin1", at, lineEnd < 0 ? chunk.length : lineEnd);
      if (lineEnd < 0) return false;
      at = lineEnd + 1;
      if (this.#framing === "chunk-end") {
        if (this.#left < 0) return true;
        this.#framing = "chunk-size";
        continue;
      }
      const size = Number.parseInt(this.#size, 16);
      this.#size = "";
      // After the last chunk only an empty line is left; trailers are not expected from any contender.
      this.#left = size === 0 ? -1 : size;
      this.#framing = size === 0 ? "chunk-end" : "chunk-data";
    }
    return false;
  }

  #content(chunk: Buffer, from: number, to: number): void {
    if (to > from && this.#firstByteAt === 0) this.#firstByteAt = performance.now();
    this.#left -= to - from;
    let events = 0;
    let last = this.#lastByte;
    for (let at = from; at < to; at += 1) {
      const byte = chunk[at] ?? 0;
      if (byte === LINE_FEED && last === LINE_FEED) events += 1;
      last = byte;
    }
    this.#lastByte = last;
    this.#events += events;
    if (events > 0) this.#onEvents?.(events);
  }

  #seen(): AnswerSeen {
    const endedAt = performance.now();
    return {
      status: this.#status,
      firstByteAt: this.#firstByteAt === 0 ? endedAt : this.#firstByteAt,
      endedAt,
      events: this.#events,
    };
  }
}

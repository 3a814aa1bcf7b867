/**
 * The end of a connection on which more may be coming than was read. A socket that is closed with bytes unread is reset,
 * and a reset takes from its peer the reply that it has not read yet. So our side is ended first, and what still comes
 * is thrown away, for so long and so many bytes, before the connection is closed.
 */
import type { Socket } from "node:net";

export interface EndBounds {
  /** Enough for any body that is sent in good faith. */
  readonly bytesMax: number;
  /** In which nothing comes and nothing is taken. */
  readonly idleMs: number;
  readonly totalMs: number;
}

export const END_BOUNDS: EndBounds = { bytesMax: 64 * 1024 * 1024, idleMs: 5_000, totalMs: 30_000 };

const ENDING = new WeakSet<Socket>();

/** Whether nothing that comes on it is a request any more. */
export function isEnding(socket: Socket): boolean {
  return socket.destroyed || ENDING.has(socket);
}

/** Sends what is still to be sent, with `last` behind it, and then closes as above. Only the first call counts. */
export function endGently(socket: Socket, bounds: EndBounds = END_BOUNDS, last = ""): void {
  if (isEnding(socket)) return;
  ENDING.add(socket);
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(last);
  // The HTTP parser is not to see any of it: it would keep a request for each that it finds.
  socket.removeAllListeners("data").removeAllListeners("end");
  let taken = 0;
  socket.on("data", (chunk: Buffer) => {
    taken += chunk.length;
    if (taken > bounds.bytesMax) socket.destroy();
  });
  socket.setTimeout(bounds.idleMs, () => socket.destroy());
  const end = setTimeout(() => socket.destroy(), bounds.totalMs);
  socket.once("close", () => clearTimeout(end));
  // Where the parser has stopped the reading, the stream takes itself to be at it still; an empty piece tells it otherwise.
  socket.push(NOTHING);
  socket.resume();
}

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Bounds the connections of a server. One more takes the place of the oldest on which nothing runs, first of those on
 * which no agent has been known: whoever only holds sockets keeps nobody out.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";

export interface BoundedConnections {
  /** An agent is known on it: it is let go after the others. */
  know(socket: Socket): void;
  readonly count: number;
  /** How many were closed to make room, since the start. */
  readonly displaced: number;
}

/** Call it before the server listens. */
export function boundConnections(
  server: Server,
  max: number,
  isBusy: (socket: Socket) => boolean,
): BoundedConnections {
  const strangers = new Set<Socket>();
  const known = new Set<Socket>();
  let displaced = 0;

  function forget(socket: Socket): void {
    strangers.delete(socket);
    known.delete(socket);
  }
  function makeRoom(): void {
    for (const sockets of [strangers, known]) {
      for (const socket of sockets) {
        if (isBusy(socket)) continue;
        displaced += 1;
        forget(socket);
        socket.destroy();
        return;
      }
    }
  }
  server.on("connection", (socket: Socket) => {
    strangers.add(socket);
    if (strangers.size + known.size > max) makeRoom();
    socket.once("close", () => forget(socket));
  });
  return {
    know(socket) {
      if (strangers.delete(socket)) known.add(socket);
    },
    get count() {
      return strangers.size + known.size;
    },
    get displaced() {
      return displaced;
    },
  };
}

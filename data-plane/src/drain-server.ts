/**
 * Ends the listener in order: no new connections, calls in flight run to their end, and what is left at the deadline
 * is cut. A connection on which no call runs holds nothing up, though no request ever came on it, or only half of one:
 * once a server is closing, Node neither times such connections out nor counts them as idle.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";

const SWEEP_MS = 100;

/** Call it before the server listens. `callsInFlight` counts until an answer has been handed to its socket. */
export function drainable(server: Server, callsInFlight: () => number): (deadlineMs: number) => Promise<void> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const sweep = () => {
    server.closeIdleConnections();
    if (callsInFlight() > 0) return;
    for (const socket of sockets) if (socket.writableLength === 0) socket.destroy();
  };
  return async (deadlineMs) => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    sweep();
    const sweeping = setInterval(sweep, SWEEP_MS);
    const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs);
    await closed;
    clearInterval(sweeping);
    clearTimeout(deadline);
  };
}

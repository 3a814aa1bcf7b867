/**
 * Ends the listener in order: no new connections, calls in flight run to their end, and what is left at the deadline
 * is told so, cut, and waited for until it is settled. A connection on which no call runs holds nothing up, though no
 * request ever came on it, or only half of one: once a server is closing, Node neither times such connections out nor
 * counts them as idle.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const SWEEP_MS = 25;
/** How long what was told at the deadline may take to be sent. */
const LAST_WORD_MS = 1_000;

/**
 * Call it before the server listens. `callsInFlight` counts calls that are not settled and answered; `cut` ends the one
 * that runs on a connection.
 */
export function drainable(
  server: Server,
  callsInFlight: () => number,
  cut: (socket: Socket) => void,
): (deadlineMs: number) => Promise<void> {
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
    server.close();
    const deadline = setTimeout(() => sockets.forEach(cut), deadlineMs);
    const end = setTimeout(() => server.closeAllConnections(), deadlineMs + LAST_WORD_MS);
    for (sweep(); sockets.size > 0 || callsInFlight() > 0; sweep()) await delay(SWEEP_MS);
    clearTimeout(deadline);
    clearTimeout(end);
  };
}

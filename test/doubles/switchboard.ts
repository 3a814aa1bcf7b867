/** A line to a server that can be cut and restored: what is connected through it breaks off, what comes is refused. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Switchboard extends AsyncDisposable {
  /** Use it in place of the server's own. */
  readonly url: string;
  cut(): void;
  restore(): void;
}

export async function startSwitchboard(serverUrl: string): Promise<Switchboard> {
  const { hostname, port } = new URL(serverUrl);
  const sockets = new Set<Socket>();
  let isCut = false;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
  };
  const breakOff = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const switchboard = createServer((caller) => {
    keep(caller);
    if (isCut) {
      caller.resetAndDestroy();
      return;
    }
    const server = connect(Number(port), hostname);
    keep(server);
    caller.pipe(server);
    server.pipe(caller);
    caller.once("close", () => server.destroy());
    server.once("close", () => caller.destroy());
  });
  switchboard.listen(0, "127.0.0.1");
  await once(switchboard, "listening");
  return {
    url: `http://127.0.0.1:${(switchboard.address() as AddressInfo).port}`,
    cut() {
      isCut = true;
      breakOff();
    },
    restore() {
      isCut = false;
    },
    async [Symbol.asyncDispose]() {
      switchboard.close();
      breakOff();
    },
  };
}

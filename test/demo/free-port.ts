import { createServer } from "node:net";

/** The preferred port of the loopback interface where it is free, else any free one; 0 prefers none. */
export async function freePort(preferred: number): Promise<number> {
  const port = await tryListen(preferred);
  return port ?? (await tryListen(0)) ?? 0;
}

function tryListen(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? address?.port : undefined));
    });
  });
}

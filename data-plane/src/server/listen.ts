import { once } from "node:events";
import type { Server } from "node:http";

/** Resolves with the URL of the port that was bound. Rejects when it cannot be. */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  server.listen(port, host);
  await once(server, "listening");
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("the listener has no port");
  return `http://${bound.family === "IPv6" ? `[${bound.address}]` : bound.address}:${bound.port}`;
}

const WILDCARDS: readonly string[] = ["0.0.0.0", "::"];

/** What `Host` may say where nothing is configured: this listener's own address. A wildcard listener takes any. */
export function ownAuthorities(host: string, url: string): string[] {
  if (WILDCARDS.includes(host)) return [];
  const { host: own, port } = new URL(url);
  return [own, `localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`];
}

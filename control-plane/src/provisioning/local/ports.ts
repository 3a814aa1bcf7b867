/** Two TCP ports of the loopback interface for a data plane: the same ones each time it starts. */
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import { readJsonFile, writeJsonFile } from "../../lib/json-file.ts";

const portsSchema = z.strictObject({
  port: z.int().min(1).max(65_535),
  adminPort: z.int().min(1).max(65_535),
  /** Clients may know them: they were listened on once, so they are never changed again. */
  settled: z.boolean(),
});

export type Ports = z.infer<typeof portsSchema>;

/** The data plane's ports. Those that never were in use are picked anew when something else has taken them. */
export async function portsFor(directory: string, reserved: ReadonlySet<number>): Promise<Ports> {
  const known = await readPorts(directory);
  if (known !== undefined && (known.settled || (await bothFree(known)))) return known;
  const picked = await pickFreePorts(reserved);
  await writeJsonFile(portsFile(directory), picked);
  return picked;
}

export async function readPorts(directory: string): Promise<Ports | undefined> {
  return readJsonFile(portsFile(directory), portsSchema);
}

export async function settlePorts(directory: string, ports: Ports): Promise<void> {
  if (!ports.settled) await writeJsonFile(portsFile(directory), { ...ports, settled: true });
}

export const portsFile = (directory: string) => join(directory, "ports.json");

/** Both sockets are held until both numbers are known, so that the numbers differ. */
async function pickFreePorts(reserved: ReadonlySet<number>): Promise<Ports> {
  const held: Server[] = [];
  try {
    const free: number[] = [];
    while (free.length < 2) {
      const server = await listen(0);
      held.push(server);
      const address = server.address();
      if (typeof address === "object" && address !== null && !reserved.has(address.port))
        free.push(address.port);
    }
    const [port = 0, adminPort = 0] = free;
    return { port, adminPort, settled: false };
  } finally {
    await Promise.all(held.map(close));
  }
}

async function bothFree(ports: Ports): Promise<boolean> {
  for (const port of [ports.port, ports.adminPort]) {
    try {
      await close(await listen(port));
    } catch {
      return false;
    }
  }
  return true;
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

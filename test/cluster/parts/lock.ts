import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export class LockTaken extends Error {
  override readonly name = "LockTaken";
}

/**
 * A lock of this machine. It is a socket in Linux' abstract namespace: exclusive, and gone with the process that holds
 * it however that ends, so that no lock is ever stale.
 */
export async function lock(name: string, options: { readonly wait?: () => void } = {}): Promise<Disposable> {
  for (let told = false; ; ) {
    const held = await take(`\0headgate-cluster-${name}`);
    if (held !== null) return held;
    if (options.wait === undefined) throw new LockTaken(`"${name}" is held by another process`);
    if (!told) options.wait();
    told = true;
    await sleep(1_000);
  }
}

function take(path: string): Promise<Disposable | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(null) : reject(error),
    );
    server.listen({ path }, () => {
      server.unref();
      resolve({ [Symbol.dispose]: () => server.close() });
    });
  });
}

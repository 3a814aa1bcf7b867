/**
 * Names a worker so that another one can tell, on the same machine, that it is gone for good: by the boot, the process
 * namespace, its number in it and when it started. Elsewhere nothing can be told, and its lease has to run out.
 */
import { readlink } from "node:fs/promises";
import { processIdentity } from "../lib/process-identity.ts";

export async function workerIdentity(salt: string): Promise<string> {
  const identity = await processIdentity(process.pid);
  const namespace = await processNamespace();
  if (identity === undefined || namespace === undefined) return salt;
  return [salt, namespace, process.pid, identity].join("/");
}

/** True only where there can be no doubt. */
export async function isSurelyGone(holder: string): Promise<boolean> {
  const [, namespace, pid, identity] = holder.split("/");
  if (namespace === undefined || pid === undefined || identity === undefined) return false;
  if (namespace !== (await processNamespace())) return false;
  const here = await processIdentity(process.pid);
  const living = await processIdentity(Number(pid));
  // The identity begins with the boot; another boot says nothing, since its machine may live.
  if (here === undefined || here.split(":")[0] !== identity.split(":")[0]) return false;
  return living !== identity;
}

/** Linux only. */
async function processNamespace(): Promise<string | undefined> {
  return readlink("/proc/self/ns/pid").catch(() => undefined);
}

/** Small files that must survive a crash whole: read as they were last written, or as they were before. */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** Written beside, flushed, then renamed over; readable by the owner alone. Throws what the file system throws. */
export async function writeStateFile(path: string, content: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const beside = `${path}.new`;
  const file = await open(beside, "w", 0o600);
  try {
    // A file left over by a crash keeps the mode it was made with.
    await file.chmod(0o600);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** What a newer version of this program has written. It is left as it is. */
export class NewerStateError extends Error {
  readonly code = "newer_state";

  constructor(path: string) {
    super(`${path} was written by a newer version of this program: start that one, or move the file away`);
  }
}

/**
 * What a state file says, or undefined when there is none or it is damaged: the caller begins anew. One of another form
 * than the first states its `version`; so far there is none. Throws `NewerStateError`.
 */
export function parseState(path: string, content: Buffer | undefined): unknown {
  if (content === undefined) return undefined;
  let state: unknown;
  try {
    state = JSON.parse(content.toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof state === "object" && state !== null && "version" in state) throw new NewerStateError(path);
  return state;
}

/** Undefined when there is no such file. */
export async function readStateFile(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw cause;
  }
}

/** See `parseState`. */
export async function readStateJson(path: string): Promise<unknown> {
  return parseState(path, await readStateFile(path));
}

/** A stand-in for the data plane's main module, for tests of what supervises it. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Writes the module and returns its path. */
export async function writeFakeDataPlane(directory: string): Promise<string> {
  const path = join(directory, "fake-data-plane.mjs");
  await writeFile(path, SOURCE);
  return path;
}

/** What the child whose state is kept there saw at its last start. */
export interface Sighting {
  pid: number;
  argv: string[];
  execArgv: string[];
  env: Record<string, string>;
  token: string;
}

/** Waits until `look` gives something, and fails with `what` if it does not within ten seconds. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const end = performance.now() + 10_000; performance.now() < end; await delay(10)) {
    const seen = await look();
    if (seen !== undefined) return seen;
  }
  throw new Error(`it did not come about in time: ${what}`);
}

export async function sightingIn(stateDirectory: string): Promise<Sighting | undefined> {
  try {
    return JSON.parse(await readFile(join(stateDirectory, "sighting.json"), "utf8")) as Sighting;
  } catch {
    return undefined;
  }
}

/** Ready from the start, and not ready with a file `unready` in its state; with `stubborn` it ignores SIGTERM. */
const SOURCE = `
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
const state = process.env.HEADGATE_STATE_DIR;
const has = (name) => existsSync(join(state, name));
const read = (path) => { try { return readFileSync(path, "utf8"); } catch { return ""; } };
if (has("broken")) process.exit(1);
process.on("SIGTERM", () => {
  writeFileSync(join(state, "terminated"), read(join(state, "terminated")) + "x");
  if (!has("stubborn")) process.exit(0);
});
createServer((request, response) => {
  response.statusCode = request.url === "/readyz" && has("unready") ? 503 : 200;
  response.end();
}).listen(Number(process.env.HEADGATE_ADMIN_PORT), "127.0.0.1", () => {
  const seen = {
    pid: process.pid, argv: process.argv, execArgv: process.execArgv, env: process.env,
    token: read(process.env.HEADGATE_JOIN_TOKEN_FILE),
  };
  writeFileSync(join(state, "sighting.new"), JSON.stringify(seen));
  renameSync(join(state, "sighting.new"), join(state, "sighting.json"));
  console.log("up");
});
`;

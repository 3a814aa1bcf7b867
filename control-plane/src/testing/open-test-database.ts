import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createPglite, type OpenDatabase, openDatabase } from "../db/client.ts";
import { migratePglite } from "../db/migrate.ts";

const migrations = new URL("../../migrations/", import.meta.url);

/**
 * A migrated PGlite in memory. To migrate one takes seconds and to copy one a fraction of that, so the first caller
 * leaves a migrated copy in the directory for temporary files, under the hash of the migrations.
 */
export async function openTestDatabase(): Promise<OpenDatabase> {
  return openDatabase({ kind: "memory", template: await template() });
}

async function template(): Promise<Blob> {
  const path = join(tmpdir(), `headgate-template-${await hashOfMigrations()}.tar`);
  const kept = await readFile(path).catch(() => undefined);
  if (kept !== undefined) return new Blob([kept]);
  const client = await createPglite({ kind: "memory" });
  await migratePglite(client);
  const made = await client.dumpDataDir("none");
  await client.close();
  // Whole or not at all: another test process may be reading it.
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  await writeFile(draft, Buffer.from(await made.arrayBuffer()), { mode: 0o600 });
  await rename(draft, path);
  return made;
}

async function hashOfMigrations(): Promise<string> {
  const hash = createHash("sha256");
  for (const name of (await readdir(fileURLToPath(migrations))).sort()) {
    if (name.endsWith(".sql")) hash.update(name).update(await readFile(new URL(name, migrations)));
  }
  return hash.digest("hex").slice(0, 16);
}

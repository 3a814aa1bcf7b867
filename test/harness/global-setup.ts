/** One Postgres with one migrated template for all projects of a run that ask for it. */
import { rmSync } from "node:fs";
import type { TestProject } from "vitest/node";
import { createTemplate } from "./database.ts";
import { type PostgresServer, startPostgres } from "./postgres.ts";
import { LOG_DIRECTORY } from "./process.ts";

/** Each project loads this file for itself; what they share lies outside of it. */
const shared = globalThis as { headgatePostgres?: { users: number; server: Promise<PostgresServer> } };

export async function setup(project: TestProject): Promise<void> {
  shared.headgatePostgres ??= { users: 0, server: startWithTemplate() };
  shared.headgatePostgres.users += 1;
  project.provide("postgresDirectory", (await shared.headgatePostgres.server).directory);
}

export async function teardown(): Promise<void> {
  const postgres = shared.headgatePostgres;
  if (postgres === undefined) return;
  postgres.users -= 1;
  if (postgres.users > 0) return;
  delete shared.headgatePostgres;
  await (await postgres.server)[Symbol.asyncDispose]();
}

async function startWithTemplate(): Promise<PostgresServer> {
  rmSync(LOG_DIRECTORY, { recursive: true, force: true });
  const server = await startPostgres();
  try {
    const { openDatabase } = await import("@headgate/control-plane");
    await createTemplate(server.directory, async (url) => {
      const database = await openDatabase({ kind: "postgres", url });
      await database.close();
    });
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

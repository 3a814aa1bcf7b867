/** A database for one test, cloned from a template that has been migrated once. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { postgresUrl } from "./postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the run's Postgres has its socket. */
    postgresDirectory: string;
  }
}

export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  /** As the role that owns the database and its tables, which is neither superuser nor exempt from row-level security. */
  readonly url: string;
  /** As a superuser, who sees all. */
  readonly superuserUrl: string;
  /** Runs one statement as the superuser. */
  query(sql: string, values?: readonly unknown[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export const TEMPLATE_DATABASE = "headgate_template";
export const OWNER_ROLE = "headgate";

/** Clones the template (some tens of milliseconds); disposing drops the clone, whoever is still connected. */
export async function withDatabase(): Promise<TestDatabase> {
  const directory = inject("postgresDirectory");
  const name = `test_${randomBytes(8).toString("hex")}`;
  await runAsSuperuser(directory, "postgres", [
    `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE_DATABASE} OWNER ${OWNER_ROLE}`,
  ]);
  return {
    name,
    url: postgresUrl(directory, name, OWNER_ROLE),
    superuserUrl: postgresUrl(directory, name),
    query: async (sql, values = []) => {
      const client = new pg.Client({ connectionString: postgresUrl(directory, name) });
      await client.connect();
      try {
        return (await client.query<Record<string, unknown>>(sql, [...values])).rows;
      } finally {
        await client.end();
      }
    },
    [Symbol.asyncDispose]: () =>
      runAsSuperuser(directory, "postgres", [`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`]),
  };
}

/** Makes the owner role and the template; `migrate` is given the template's connection string. */
export async function createTemplate(
  directory: string,
  migrate: (url: string) => Promise<void>,
): Promise<void> {
  await runAsSuperuser(directory, "postgres", [
    `CREATE ROLE ${OWNER_ROLE} LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS`,
    `CREATE DATABASE ${TEMPLATE_DATABASE} OWNER ${OWNER_ROLE}`,
  ]);
  await migrate(postgresUrl(directory, TEMPLATE_DATABASE, OWNER_ROLE));
}

async function runAsSuperuser(
  directory: string,
  database: string,
  statements: readonly string[],
): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl(directory, database) });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

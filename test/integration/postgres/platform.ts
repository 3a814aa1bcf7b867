/** The control plane over a database of its own on the run's Postgres: the set-up of every test in this folder. */
import { type Database, openDatabase } from "@headgate/control-plane";
import { createTestServer, type TestServer } from "@headgate/control-plane/testing";
import pg from "pg";
import { type TestDatabase, withDatabase } from "../../harness/database.ts";

export interface Platform extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly server: TestServer;
  /** The operator's credential, and with a tenant's id, the operator acting on it. */
  operator(tenantId?: string): { readonly credential: string; readonly tenant?: string };
}

interface PlatformOptions {
  /** Of the control plane's pool. */
  readonly connectionsMax?: number;
  /** Whom the control plane logs in as; the owner of the database when absent. */
  readonly login?: (database: TestDatabase) => string | Promise<string>;
  /** Put between the API and the database. */
  readonly wrap?: (db: Database) => Database;
}

export async function openPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const { connectionsMax = 16, login = ({ url }) => url, wrap = (db) => db } = options;
  const database = await withDatabase();
  try {
    const opened = await openDatabase({ kind: "postgres", url: await login(database), connectionsMax });
    const server = await createTestServer({ db: wrap(opened.db) }, opened);
    return {
      database,
      server,
      operator: (tenantId) => ({
        credential: server.operatorToken,
        ...(tenantId === undefined ? {} : { tenant: tenantId }),
      }),
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await database[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}

/** Runs one statement and gives its rows. */
export type Query = (
  sql: string,
  values?: readonly unknown[],
) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** One connection for as long as `run` lasts. */
export async function onConnection<T>(url: string, run: (query: Query) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await run(async (sql, values = []) => (await client.query(sql, [...values])).rows);
  } finally {
    await client.end();
  }
}

/** As many calls at once, each told its number. */
export function atOnce<T>(count: number, run: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => run(index)));
}

/** For what a test knows to be there. */
export function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the test lacks a value");
  return value;
}

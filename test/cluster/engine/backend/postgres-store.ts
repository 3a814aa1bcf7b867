import pg from "pg";
import { CommandFailure, messageOf } from "../command-failure.ts";
import type { BlobStore } from "./blob-store.ts";

/** One table of blobs by name, made on first use; `?table=` names it. */
export class PostgresStore implements BlobStore {
  readonly url: string;
  readonly #client: pg.Client;
  readonly #table: string;

  private constructor(client: pg.Client, table: string, url: string) {
    this.#client = client;
    this.#table = pg.escapeIdentifier(table);
    this.url = url;
  }

  static async open(url: string): Promise<PostgresStore> {
    // Read as text: a back end on a Unix socket has no host, which URL does not take.
    const table = /[?&]table=([^&]*)/.exec(url)?.[1] ?? "pulumi_state";
    const connectionString = url.replace(/([?&])table=[^&]*&?/, "$1").replace(/[?&]$/, "");
    const client = new pg.Client({ connectionString });
    const store = new PostgresStore(
      client,
      decodeURIComponent(table),
      url.replace(/\/\/[^/]*@/, "//").replace(/\?.*/s, ""),
    );
    try {
      await client.connect();
      await store.#createTable();
    } catch (error) {
      throw new CommandFailure(`unable to open the postgres back end: ${messageOf(error)}`);
    }
    return store;
  }

  async #createTable(): Promise<void> {
    const exists = await this.#client.query("select to_regclass($1) is not null as found", [this.#table]);
    if (exists.rows[0]?.found === true) return;
    await this.#client
      .query(
        `create table if not exists ${this.#table} (
        key text primary key, data bytea not null,
        created_at timestamptz not null default now(), updated_at timestamptz not null default now())`,
      )
      .catch((error: { code?: string }) => {
        // Two first users at once: the catalogue refuses the second, who finds the table made.
        if (error.code !== "23505" && error.code !== "42P07") throw error;
      });
  }

  async read(name: string): Promise<string | undefined> {
    const { rows } = await this.#client.query<{ data: Buffer }>(
      `select data from ${this.#table} where key = $1`,
      [name],
    );
    return rows[0]?.data.toString("utf8");
  }

  async write(name: string, content: string): Promise<void> {
    await this.#client.query(
      `insert into ${this.#table} (key, data) values ($1, $2)
       on conflict (key) do update set data = excluded.data, updated_at = now()`,
      [name, Buffer.from(content, "utf8")],
    );
  }

  async remove(name: string): Promise<void> {
    await this.#client.query(`delete from ${this.#table} where key = $1`, [name]);
  }

  async list(prefix: string): Promise<string[]> {
    const { rows } = await this.#client.query<{ key: string }>(
      `select key from ${this.#table} where starts_with(key, $1) order by key`,
      [prefix],
    );
    return rows.map((row) => row.key);
  }

  async close(): Promise<void> {
    await this.#client.end();
  }
}

/** Whom a control plane may log in as. */
import { randomBytes } from "node:crypto";
import type { TestDatabase } from "../../harness/database.ts";

/** A login role of its own in these roles: it owns nothing and inherits nothing unless told. Gives its connection string. */
export async function memberOf(
  database: TestDatabase,
  roles: readonly string[],
  { inherits = false } = {},
): Promise<string> {
  const name = `member_${randomBytes(8).toString("hex")}`;
  await database.query(
    `CREATE ROLE ${name} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE ${inherits ? "INHERIT" : "NOINHERIT"} ${roles.length > 0 ? `IN ROLE ${roles.join(", ")}` : ""}`,
  );
  const url = new URL(database.url);
  url.username = name;
  return url.href;
}

/** Member of the two roles that the control plane works as, and allowed to ask whether a migration is missing. */
async function runtimeMember(database: TestDatabase): Promise<string> {
  const url = await memberOf(database, ["headgate_app", "headgate_platform"]);
  const { username } = new URL(url);
  await database.query(`GRANT CREATE ON DATABASE ${database.name} TO ${username}`);
  await database.query(`GRANT USAGE, CREATE ON SCHEMA drizzle TO ${username}`);
  await database.query(`GRANT SELECT ON drizzle.__drizzle_migrations TO ${username}`);
  return url;
}

export const LOGINS: readonly (readonly [
  name: string,
  login: (database: TestDatabase) => string | Promise<string>,
])[] = [
  ["the owner of the database", ({ url }) => url],
  ["a member of the doors' roles that owns nothing", runtimeMember],
  ["a superuser, whom row-level security does not bind", ({ superuserUrl }) => superuserUrl],
];

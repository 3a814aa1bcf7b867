/** Who uses the database besides whoever migrates it: the processes' logins, and the role that backs it up. */
import type pg from "pg";
import { Refusal } from "../lib/refusal.ts";

/**
 * Lets `headgate_backup` read every table, whichever migration made it. `pg_dump` reads as a tenant's door does, so it
 * needs a policy of its own where rows are walled off.
 */
export const OPEN_TO_BACKUP = `
DO $$
DECLARE
  relation record;
BEGIN
  FOR relation IN
    SELECT oid::regclass AS name, relkind = 'S' AS counts, relrowsecurity AS walled FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S')
      AND NOT has_table_privilege('headgate_backup', oid, 'SELECT')
  LOOP
    EXECUTE format('GRANT SELECT ON %s TO headgate_backup', relation.name);
    IF relation.walled THEN
      EXECUTE format('CREATE POLICY backup_rows ON %s FOR SELECT TO headgate_backup USING (true)', relation.name);
    END IF;
  END LOOP;
END
$$`;

/**
 * Lets these logins go through the two doors, and no further: they own nothing and change no table. Throws a `Refusal`
 * where there is no such login, or whoever migrates may not do that.
 */
export async function letThrough(client: pg.PoolClient, logins: readonly string[]): Promise<void> {
  for (const login of logins) {
    try {
      await client.query(`GRANT headgate_app, headgate_platform TO ${client.escapeIdentifier(login)}`);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Refusal(`HEADGATE_DATABASE_LOGINS: ${login} cannot be let through: ${reason}.`, { cause });
    }
  }
}

/** Whether the connection's login could change the schema, which a process that shares the work has no need to. */
export async function mayChangeSchema(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query<{ may: boolean }>(
    "SELECT pg_has_role('headgate_owner', 'MEMBER') AS may",
  );
  return rows[0]?.may === true;
}
